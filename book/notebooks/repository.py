"""Where the published release lies: the blocks `repository` and `launch_buttons` of _config.yml, and nothing else."""

import dataclasses
import pathlib
import urllib.parse

import yaml


@dataclasses.dataclass(frozen=True)
class Repository:
    """A GitHub repository at one tag.

    Attributes:
        url: its address, such as https://github.com/owner/name.
        tag: the release's tag.
        colab_url: the address of Colab.
    """

    url: str
    tag: str
    colab_url: str

    def file(self, path: str) -> str:
        """The page that shows a file."""
        return f"{self.url}/blob/{self.tag}/{path}"

    def raw(self, path: str) -> str:
        """The bytes of a file, for pictures."""
        return f"{self.url}/raw/{self.tag}/{path}"

    def colab(self, path: str) -> str:
        """A notebook, opened in Colab."""
        owner_and_name = urllib.parse.urlsplit(self.url).path.strip("/")
        return f"{self.colab_url}/github/{owner_and_name}/blob/{self.tag}/{path}"

    @property
    def requirement(self) -> str:
        """What pip installs the release by."""
        return f"urfb-tf @ git+{self.url}@{self.tag}"


def read(root: pathlib.Path) -> Repository:
    """The repository that the book's configuration names.

    Args:
        root: the folder of _config.yml.
    """
    configuration = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    repository = configuration["repository"]
    return Repository(repository["url"].rstrip("/"), repository["branch"], configuration["launch_buttons"]["colab_url"])
