"""The lowest versions of what the service needs, as pyproject.toml allows them: `make floors` tests with these."""

import sys
import tomllib

from packaging.requirements import Requirement

from tests.serving import ROOT

# Not needed to run the service.
OTHERS = {"bench", "dev"}


def floors() -> list[str]:
    """Each requirement of the service and its extras for this Python, pinned to the version that `>=` names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [each for name, needs in project["optional-dependencies"].items() if name not in OTHERS for each in needs]
    pins = []
    for requirement in map(Requirement, [*project["dependencies"], *extras]):
        (lowest,) = (each.version for each in requirement.specifier if each.operator == ">=")
        if requirement.marker is None or requirement.marker.evaluate():
            pins.append(f"{requirement.name}=={lowest}")
    return pins


if __name__ == "__main__":
    sys.stdout.write("\n".join(floors()) + "\n")
