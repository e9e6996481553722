"""A sound run, made once: tests never change it, they make another from it."""

import pytest
from scene import Scene, application, poisoned, rejection, termination, waiting, withdrawal


@pytest.fixture(scope="module")
def sound():
    scene = Scene()
    for name in ("siti", "ravi", "lim", "kamal", "hana"):
        scene.register(f"{name}@mygovuc.gov.my")
    application(scene, "siti@mygovuc.gov.my")
    application(scene, "ravi@mygovuc.gov.my")
    termination(scene, "ravi@mygovuc.gov.my")
    rejection(scene, "lim@mygovuc.gov.my")
    withdrawal(scene, "kamal@mygovuc.gov.my")
    waiting(scene, "hana@mygovuc.gov.my")
    poisoned(scene)
    return scene.evidence()
