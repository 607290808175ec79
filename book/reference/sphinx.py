"""The Sphinx side: two directives, docstrings turned into RST, and labels for equations and headings."""

import inspect
import pathlib

import keras
import sphinx.util.inspect
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.addnodes import toctree
from sphinx.domains.python import PyObject
from sphinx.util.docutils import SphinxDirective

from reference import chapters, docstrings, objects, paper_map


class Generated(SphinxDirective):
    """A directive whose content is Markdown made by a function."""

    def markdown(self) -> str:
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        parent, lines = nodes.Element(), StringList(self.markdown().splitlines(), self.get_location())
        self.state.nested_parse(lines, self.content_offset, parent)
        for table in parent.findall(nodes.table):
            table["classes"].append(self.name)
        return parent.children


class PaperMap(Generated):
    """`{paper-map} equation`: the rows of the map of one kind."""

    required_arguments = 1

    def markdown(self) -> str:
        return paper_map.table(self.arguments[0])


class Api(Generated):
    """`{api} module` with one name per line: a table of summaries, and an entry for each."""

    required_arguments = 1
    has_content = True

    def markdown(self) -> str:
        module, names = self.arguments[0], [line.strip() for line in self.content if line.strip()]
        lines = [f".. currentmodule:: {module}"]
        if len(names) > 1:
            lines += ["", ".. autosummary::", "   :nosignatures:", "", *(f"   {name}" for name in names)]
        for name in names:
            subject = objects.documented()[f"{module}.{name}"]
            kind = "class" if inspect.isclass(subject) else "function"
            lines += ["", f".. auto{kind}:: {name}"]
            if kind == "class" and not issubclass(subject, tuple):  # fields of named tuples say nothing of themselves
                lines += ["   :members:"]
        return "\n".join(["```{eval-rst}", *lines, "```"])


def docstring_to_rst(app, what, name, subject, options, lines: list[str]) -> None:
    """Before napoleon reads a docstring."""
    links = docstrings.chapter_links("\n".join(lines))
    lines[:] = docstrings.to_rst(lines, name)
    if links:
        lines += ["", f":Chapter: {links}", ""]


def signature(app, what, name, subject, options, signature, returned) -> tuple | None:
    """The arguments of Keras' layers and losses, which Keras hides behind a `__new__` of any arguments."""
    if what != "class" or "__init__" not in vars(subject) or not issubclass(subject, (keras.Layer, keras.losses.Loss)):
        return None
    found = sphinx.util.inspect.signature(subject.__init__, bound_method=True)
    return sphinx.util.inspect.stringify_signature(found, unqualified_typehints=True), None


def type_without_an_entry(app, env, node, content: nodes.Node) -> nodes.Node | None:
    """Types in signatures that no page describes stay plain text; what a chapter links to has to exist."""
    return content if node["reftype"] == "class" and node["reftarget"].startswith("urfb_tf.") else None


def label_equations_and_headings(app, document: nodes.document) -> None:
    """Make `loss-eq-3` and `loss-the-error-signal` names that `ref` finds."""
    docname = app.env.docname
    page = pathlib.PurePosixPath(docname).name
    labels = app.env.get_domain("std").anonlabels
    for equation in list(document.findall(nodes.math_block)):
        for number in chapters.tags(equation.astext()):
            equation.parent.insert(equation.parent.index(equation), nodes.target("", "", ids=[f"eq-{number}"]))
            labels[chapters.equation_label(page, number)] = (docname, f"eq-{number}")
    for section in document.findall(nodes.section):
        for identifier in section["ids"]:
            labels[f"{page}-{identifier}"] = (docname, identifier)


def add_index(app, document: nodes.document) -> None:
    """List the index, which no source stands for, in the last part of the table of contents."""
    if app.env.docname == app.config.root_doc:
        *_, last = document.findall(toctree)
        last["entries"].append(("Index", "genindex"))


def setup(app) -> dict:
    for field in PyObject.doc_field_types:
        if field.name == "variable":
            field.label = "Attributes"  # Sphinx says "Variables"
    app.add_directive("paper-map", PaperMap)
    app.add_directive("api", Api)
    app.connect("autodoc-process-docstring", docstring_to_rst, priority=400)  # napoleon's is 500
    app.connect("autodoc-process-signature", signature)
    app.connect("missing-reference", type_without_an_entry)
    app.connect("doctree-read", label_equations_and_headings)
    app.connect("doctree-read", add_index, priority=900)  # after the table of contents has been put in
    return {"parallel_read_safe": True, "parallel_write_safe": True}
