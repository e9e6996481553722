"""A page with the images that it draws alone: some scanners list those of all pages with each page."""

import re
from typing import Final

from pypdf import PageObject
from pypdf.generic import DictionaryObject, NameObject

_DRAWS: Final = re.compile(rb"/([^\s/<>\[\]()]+)\s+Do\b")


def with_own_images(page: PageObject) -> PageObject:
    """The page, so that its copy takes no other paper's images along.

    Where nothing tells which it draws, all stay.
    """
    resources = DictionaryObject(page.get("/Resources", DictionaryObject()).get_object())
    listed = resources.get("/XObject", DictionaryObject()).get_object()
    content = page.get_contents()
    if content is None:
        return page
    drawn = {b"/" + name for name in _DRAWS.findall(content.get_data())}
    own = {name: listed.raw_get(name) for name in listed if name.encode() in drawn}
    if own and len(own) < len(listed):
        resources[NameObject("/XObject")] = DictionaryObject(own)
        page[NameObject("/Resources")] = resources
    return page
