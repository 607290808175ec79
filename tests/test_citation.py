"""CITATION.cff is of the Citation File Format 1.2.0, and agrees with what it speaks of."""

import pathlib
import re
import tomllib

import pytest
import yaml

from urfb_tf.version import VERSION

ROOT = pathlib.Path(__file__).resolve().parent.parent
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())

# The format's keys, and what each must be, as far as they are used.
NAMES = {"name", "family-names", "given-names", "orcid", "affiliation"}
REQUIRED = {"cff-version", "message", "title", "authors"}
KEYS = {
    *REQUIRED, "abstract", "commit", "contact", "date-released", "doi", "identifiers", "keywords", "license",
    "license-url", "preferred-citation", "references", "repository", "repository-artifact", "repository-code", "type",
    "url", "version",
}  # fmt: skip
REFERENCE_REQUIRED = {"type", "title", "authors"}
REFERENCE_KEYS = {
    *REFERENCE_REQUIRED, "abstract", "doi", "end", "identifiers", "issue", "journal", "month", "notes", "pages",
    "pmcid", "publisher", "start", "status", "url", "volume", "year",
}  # fmt: skip


def test_the_file_has_the_keys_of_its_format():
    assert CITATION["cff-version"] == "1.2.0"
    assert REQUIRED <= set(CITATION) <= KEYS
    assert CITATION["type"] in ("software", "dataset")
    assert all(isinstance(CITATION[key], str) for key in ("message", "title", "abstract", "version", "license"))
    assert len(set(CITATION["keywords"])) == len(CITATION["keywords"]) > 0


@pytest.mark.parametrize("work", CITATION["references"], ids=lambda work: str(work["year"]))
def test_every_reference_has_the_keys_of_the_format(work):
    assert REFERENCE_REQUIRED <= set(work) <= REFERENCE_KEYS
    assert isinstance(work["year"], int)
    assert re.fullmatch(r"10\.\d{4,}/\S+", work.get("doi", "10.1000/none"))
    for identifier in work.get("identifiers", []):
        assert set(identifier) <= {"type", "value", "description"}
        assert identifier["type"] in ("doi", "url", "swh", "other")


def test_authors_are_persons_or_entities():
    for author in [*CITATION["authors"], *(author for work in CITATION["references"] for author in work["authors"])]:
        assert author, "an author without a name"
        assert set(author) <= NAMES
        assert ("name" in author) != ("family-names" in author)


def test_version_and_licence_are_those_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert CITATION["version"] == VERSION
    assert CITATION["license"] == project["license"] == "MIT"
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")


def test_title_and_authors_are_those_of_the_book():
    book = yaml.safe_load((ROOT / "_config.yml").read_text())
    assert CITATION["title"] == f"urfb_tf: {book['title']}"
    assert [author["name"] for author in CITATION["authors"]] == [book["author"]]


def test_the_paper_is_the_one_that_the_book_cites():
    paper = next(work for work in CITATION["references"] if work["year"] == 2018)
    entry = re.search(r"@article\{amit2018,(.*?)\n\}", (ROOT / "book/references.bib").read_text(), re.DOTALL)
    assert paper["title"] in entry[1]
    assert paper["identifiers"][0]["value"] in entry[1]
    assert paper["identifiers"][0]["value"].removeprefix("arXiv:") in paper["url"]


def test_the_changelog_has_its_form_and_the_version():
    text = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert all(re.fullmatch(r"\[Unreleased\]|\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", heading) for heading in versions)
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert any(f"[{VERSION}]" in heading for heading in versions) or f"What becomes {VERSION}," in text
