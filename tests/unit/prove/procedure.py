"""The procedure of a request as a sound system performs it, written into a scene step by step."""

from scene import GB, ONE, TWO, Scene, decided, request_of

from prove.evidence import Mail, Volume

CHOICE = {"Approved": "approve", "Rejected": "reject", "ReturnedForCorrection": "return"}


def receive(scene: Scene, account: str, kind: str = "application") -> tuple[dict, str]:
    """Submitted twice with one key, answered twice alike; acknowledged; on the worklist."""
    request = request_of(account, kind)
    body = {name: value for name, value in request.items() if name != "request_id"}
    body["justification"] = "Fail besar"
    answer = {"request_id": request["request_id"], "status": "received"}
    first = scene.call("submit", ONE, body, 201, answer)
    scene.call("submit", ONE, body, 201, answer, key=first.key)
    said = {"justification": "Fail besar", "submitted_by": {"subject": ONE}}
    received = scene.commit("intake", request, f"cmd:{first.key}", ("RequestReceived", said))
    scene.commit("approval", request, received, ("ReviewOpened", {}), ("PapersReceived", {}))
    tell(scene, request, received, "acknowledgement")
    return request, received


def tell(scene: Scene, request: dict, event_id: str, about: str) -> None:
    """Prepared, sent, noted."""
    account = request["applicant"]["account"]
    facts = {
        "about": about,
        "channel": "email",
        "recipient": account,
        "message_id": f"<{event_id}@mygovuc.gov.my>",
        "notification_id": event_id,
    }
    notice = {"notice": {"notification_id": event_id}}
    scene.commit("notification", request, event_id, ("NoticeDue", notice))
    prepared = ("NotificationPrepared", facts)
    scene.commit("notification", request, f"work:{event_id}:prepare", prepared)
    at = scene.now().timestamp()
    scene.mails.append(
        Mail(f"{event_id}.eml", facts["message_id"], (account,), about, at, f"digest {event_id}")
    )
    scene.commit("notification", request, f"work:{event_id}:1", ("Notified", facts))


def decide(scene: Scene, request: dict, name: str = "Approved", by: str = ONE) -> str:
    """One officer decides; another is too late and is shown so."""
    request_id = request["request_id"]
    grants = request["kind"] == "application"
    sizes = {
        "quota_bytes": 5 * GB if grants else None,
        "max_file_size_bytes": GB if grants else None,
    }
    facts = decided(by, scene.now()) | ({"approved": sizes} if name == "Approved" else {})
    event = scene.commit("approval", request, f"cmd:{request_id}:{name}", (name, facts))
    version = scene.commits[-1].sequence
    told = {
        "request_id": request_id,
        "decision": CHOICE[name],
        "version": version,
        "decided_by": facts["decided_by"],
    }
    ruling = {"decision": CHOICE[name]}
    scene.call("decide", by, ruling, 201, told, about=request_id)
    late = {"type": "urn:bmt:problem:already_decided", "decision": told}
    scene.call("decide", TWO, {"decision": "reject"}, 409, late, about=request_id)
    return event


def configure(scene: Scene, request: dict, approved: str) -> str:
    """Both targets, read back."""
    account = request["applicant"]["account"]
    on = request["kind"] == "application"
    largest, quota = (GB, 5 * GB) if on else (None, None)
    work = f"work:{request['request_id']}:0"
    scene.commit("provisioning", request, approved, ("ConfigurationDue", {}))
    scene.commit("provisioning", request, f"{work}:started", ("ConfigurationStarted", {}))
    scene.set_ipms(account, enabled=on, largest=largest)
    scene.volumes[account] = Volume(account, on, quota)
    effective = {
        "ipms": {"bmt_enabled": on, "max_file_size_bytes": largest},
        "storage": {"enabled": on, "quota_bytes": quota, "max_file_size_bytes": largest},
    }
    done = ("Configured", {"effective": effective})
    return scene.commit("provisioning", request, f"{work}:configured", done)


def end(scene: Scene, request: dict, event_id: str, about: str) -> None:
    """The outcome is told, the file is closed."""
    tell(scene, request, event_id, about)
    scene.file(request)
    closed = ("Filed", {"file_number": "BMT/1"})
    scene.commit("records", request, f"work:{request['request_id']}:file", closed)


def application(scene: Scene, account: str) -> dict:
    request, _ = receive(scene, account)
    end(scene, request, configure(scene, request, decide(scene, request)), "configured")
    return request


def termination(scene: Scene, account: str) -> dict:
    request, _ = receive(scene, account, "termination")
    end(scene, request, configure(scene, request, decide(scene, request)), "terminated")
    return request


def rejection(scene: Scene, account: str) -> dict:
    request, _ = receive(scene, account)
    end(scene, request, decide(scene, request, "Rejected"), "rejected")
    return request


def withdrawal(scene: Scene, account: str) -> dict:
    request, _ = receive(scene, account)
    request_id = request["request_id"]
    scene.call("withdraw", ONE, {"reason": "Tidak perlu"}, 202, {"request_id": request_id})
    wanted = scene.commit("intake", request, f"cmd:{request_id}:w", ("WithdrawalRequested", {}))
    end(scene, request, scene.commit("approval", request, wanted, ("Withdrawn", {})), "withdrawn")
    return request


def waiting(scene: Scene, account: str) -> dict:
    """Nobody decided yet."""
    request, _ = receive(scene, account)
    scene.file(request)
    return request
