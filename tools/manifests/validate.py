"""deploy/kubernetes rendered by kustomize and validated by kubeconform, with the schemas that definitions.txt pins.

Both are built from their Go modules. Kubernetes' schemas are in its own module: the manifests must fit the oldest version
that they are for, and the newest. Those of the operators' kinds are the definitions (CRDs) of their modules; the arguments
are further files of definitions, of operators whose module is not to be had.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import yaml

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "deploy" / "kubernetes"
ENTRY_POINTS = ("overlays/agency", "overlays/national", "data")
TOOLS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bmt" / "manifests"
MISSPELT = ("readinessProbe:", "refreshInterval:")
"""Fields of Kubernetes and of an operator: one letter less must be refused."""

Schema: TypeAlias = dict[str, Any]
Kind: TypeAlias = tuple[str, str, str]


class Definitions(yaml.CSafeLoader):
    """Takes `=` for the text that it is to operators."""


Definitions.add_constructor("tag:yaml.org,2002:value", Definitions.construct_scalar)


def run(*command: str | Path, said: str | None = None, cwd: Path | None = None) -> str:
    done = subprocess.run(  # noqa: S603  our own words
        command, input=said, cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{Path(command[0]).name}: {(done.stderr or done.stdout).strip()[-3000:]}")
    return done.stdout


def pinned() -> Iterator[tuple[str, Path]]:
    """Each module, of exactly the contents that are pinned, and where its definitions are."""
    for line in (HERE / "definitions.txt").read_text().splitlines():
        module, contents, place = line.split()
        got = json.loads(run("go", "mod", "download", "-json", module, cwd=TOOLS))
        if got["Sum"] != contents:
            sys.exit(f"{module} is {got['Sum']}, and not what is pinned")
        yield module, Path(got["Dir"]) / place


def schemas(place: Path, kinds: set[Kind]) -> dict[Kind, Schema]:
    """Those of these kinds that Kubernetes, or an operator, has there."""
    if place.suffix == ".json":
        definitions = json.loads(place.read_text())["definitions"]
        return {
            kind: strict(definition, definitions)
            for definition in definitions.values()
            for each in definition.get("x-kubernetes-group-version-kind", ())
            if (kind := (each["group"], each["version"], each["kind"])) in kinds
        }
    files = sorted(place.glob("*.y*ml")) if place.is_dir() else [place]
    found = [
        each for file in files for each in yaml.load_all(file.read_text(), Definitions) if each
    ]
    return {
        kind: strict(version["schema"]["openAPIV3Schema"], {})
        for spec in (one["spec"] for one in found if one["kind"] == "CustomResourceDefinition")
        for version in spec["versions"]
        if (kind := (spec["group"], version["name"], spec["names"]["kind"])) in kinds
    }


def strict(schema: Any, definitions: dict[str, Schema]) -> Any:
    """The schema as the API server takes it: whole, no unknown fields, numbers where quantities are."""
    if isinstance(schema, list):
        return [strict(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/definitions/")
        number = name.endswith(("resource.Quantity", "intstr.IntOrString"))
        return {"type": ["string", "number"]} if number else strict(definitions[name], definitions)
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["string", "number"]}
    made = {
        key: {name: strict(one, definitions) for name, one in value.items()}
        if key == "properties"
        else (value if key in {"allOf", "anyOf", "oneOf", "not"} else strict(value, definitions))
        for key, value in schema.items()
        if key not in {"description", "format", "default"}
    }
    if "properties" in made and not schema.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    return made


def kubeconform(manifests: str, kinds: Path) -> subprocess.CompletedProcess[str]:
    where = f"{kinds}/{{{{.Group}}}}_{{{{.ResourceAPIVersion}}}}_{{{{.ResourceKind}}}}.json"
    flags = ("-strict", "-summary", "-schema-location", where)
    return subprocess.run(  # noqa: S603  our own words
        (TOOLS / "kubeconform", *flags),
        input=manifests,
        capture_output=True,
        text=True,
        check=False,
    )


def main() -> None:
    TOOLS.mkdir(parents=True, exist_ok=True)
    run("env", "CGO_ENABLED=0", "go", "build", "-o", f"{TOOLS}/", "tool", cwd=HERE)
    rendered = {
        entry: list(yaml.safe_load_all(run(TOOLS / "kustomize", "build", FOLDER / entry)))
        for entry in ENTRY_POINTS
    }
    kinds = {kind_of(each) for each in chain.from_iterable(rendered.values())}
    places = [*pinned(), *((name, Path(name)) for name in sys.argv[1:])]
    operators: dict[Kind, Schema] = {}
    for _, place in places:
        if place.suffix != ".json":
            operators |= schemas(place, kinds)
    for module, place in places:
        if place.suffix == ".json":
            print(module)
            for entry, documents in rendered.items():
                check(entry, documents, schemas(place, kinds) | operators)


def check(entry: str, documents: list[Schema], known: dict[Kind, Schema]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for (group, version, kind), schema in known.items():
            file = Path(folder, f"{group or version}_{version}_{kind.lower()}.json")
            file.write_text(json.dumps(schema))
        text = yaml.safe_dump_all(each for each in documents if kind_of(each) in known)
        done = kubeconform(text, Path(folder))
        if done.returncode:
            sys.exit(f"deploy/kubernetes/{entry}: {done.stdout}{done.stderr}")
        print(f"  deploy/kubernetes/{entry}: {done.stdout.strip()}")
        for field in MISSPELT:
            wrong = text.replace(field, f"{field[:-2]}:")
            if wrong != text and not kubeconform(wrong, Path(folder)).returncode:
                sys.exit(f"deploy/kubernetes/{entry}: {field} misspelt is taken")
    unknown = Counter("/".join(kind_of(each)) for each in documents if kind_of(each) not in known)
    for kind, many in unknown.items():
        print(f"    not seen, for want of a definition: {many} {kind}")


def kind_of(document: Schema) -> Kind:
    group, _, version = document["apiVersion"].rpartition("/")
    return group, version, document["kind"]


if __name__ == "__main__":
    main()
