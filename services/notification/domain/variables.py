"""Which variables the template of each notice may hold, and which it must: a closed set, by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bmt.contracts.events import About


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a variable stands for.

    Attributes:
        malay: for who writes a template.
        english: the same.
        is_sentence: its value is a whole sentence, or nothing.
    """

    malay: str
    english: str
    is_sentence: bool = False


MEANINGS: Final[Mapping[str, Meaning]] = {
    "rujukan": Meaning("Nombor rujukan permohonan", "The request's reference"),
    "keputusan": Meaning(
        "Apa yang berlaku: diterima, ditolak, diluluskan …",
        "What happened: received, rejected, approved …",
    ),
    "permohonan": Meaning(
        "Permohonan seperti yang disebut kepada pemohon: permohonan tuan/puan bagi perkhidmatan …",
        "The request as it is spoken of to the applicant: your application for the …",
    ),
    "nama": Meaning("Nama pemohon", "The applicant's name"),
    "akaun": Meaning("Akaun pemohon", "The applicant's account"),
    "agensi": Meaning("Nama penuh agensi", "The agency's full name"),
    "tarikh_terima": Meaning("Tarikh permohonan diterima", "The day the request was received"),
    "tarikh": Meaning("Tarikh keputusan atau tindakan", "The day of the decision or action"),
    "kuota": Meaning("Kuota storan", "The storage quota"),
    "saiz_fail": Meaning("Saiz fail terbesar", "The largest file"),
    "saluran": Meaning(
        "Cara keputusan akan dimaklumkan: e-mel, surat …",
        "How the outcome will be told: e-mail, letter …",
    ),
    "piagam": Meaning(
        "Ayat janji Piagam Pelanggan, jika ada",
        "The client charter's promise as a sentence, if there is one",
        is_sentence=True,
    ),
    "selanjutnya": Meaning(
        "Ayat tentang apa yang boleh dibuat selepas ini",
        "A sentence on what can be done from here on",
        is_sentence=True,
    ),
    "semakan": Meaning(
        "Ayat dengan alamat semakan status, jika ada",
        "A sentence with the address where the status is seen, if there is one",
        is_sentence=True,
    ),
}

_OF_ALL: Final = ("rujukan", "keputusan", "permohonan", "nama", "akaun", "agensi", "tarikh_terima")
_SIZES: Final = ("kuota", "saiz_fail")

ALLOWED: Final[Mapping[About, tuple[str, ...]]] = {
    "acknowledgement": (*_OF_ALL, *_SIZES, "saluran", "piagam", "semakan"),
    "rejected": (*_OF_ALL, "tarikh", "semakan"),
    "returned": (*_OF_ALL, "tarikh", "semakan"),
    "withdrawn": (*_OF_ALL, "tarikh", "selanjutnya", "semakan"),
    "configured": (*_OF_ALL, "tarikh", *_SIZES, "semakan"),
    "terminated": (*_OF_ALL, "tarikh", "semakan"),
}
"""The notices that have a template, each with the variables that it may hold."""

REQUIRED: Final[Mapping[About, tuple[str, ...]]] = {
    about: ("rujukan", "keputusan", "tarikh_terima" if about == "acknowledgement" else "tarikh")
    for about in ALLOWED
}
"""What a template must hold, so that the user always reads which request, what became of it, and when."""
