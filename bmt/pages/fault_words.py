"""What is wrong with a field, in Malay: from the English sentences that fields are refused with.

The API tells faults in English, as templates with a constraint or two in them. What has no Malay sentence here is shown as it is.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

_LIMITS: Final = frozenset({"limit", "le"})
_SMALLEST_SIZE: Final = 100_000
"""A larger limit is one of bytes: nothing else that people fill in is counted so high."""
_PLACE: Final = re.compile(r"\\\{(\w+)\\\}")

MALAY: Final[Mapping[str, str]] = {
    "This is needed.": "Ini perlu diisi.",
    "There is no such field.": "Medan ini tidak wujud.",
    "A JSON object is needed.": "Objek JSON diperlukan.",
    "A string is needed.": "Teks diperlukan.",
    "It does not have the form that is needed: {local}{1,64}@{domain}": "Alamat e-mel diperlukan, contohnya nama@agensi.gov.my.",
    "It does not have the form that is needed: {pattern}": "Bentuknya tidak seperti yang diperlukan.",
    "One of these is needed: {expected}.": "Salah satu daripada ini diperlukan: {expected}.",
    "One of these is needed: {expected_tags}.": "Salah satu daripada ini diperlukan: {expected_tags}.",
    "The field {discriminator} is needed to tell what this is.": "Medan {discriminator} diperlukan.",
    "At most {max_length} characters are allowed.": "Paling banyak {max_length} aksara dibenarkan.",
    "At least 1 characters are needed.": "Ini perlu diisi.",
    "At least {min_length} characters are needed.": "Sekurang-kurangnya {min_length} aksara diperlukan.",
    "At most {max_length} items are allowed.": "Paling banyak {max_length} perkara dibenarkan.",
    "At least {min_length} items are needed.": "Sekurang-kurangnya {min_length} perkara diperlukan.",
    "At least {ge} is needed.": "Sekurang-kurangnya {ge} diperlukan.",
    "At most {le} is allowed.": "Paling banyak {le} dibenarkan.",
    "{count} more fields are wrong.": "{count} medan lain juga salah.",
    "This value is not allowed.": "Nilai ini tidak dibenarkan.",
    "A number of GB is needed.": "Nombor GB diperlukan, contohnya 2 atau 2,5.",
    "Input should be a valid integer.": "Nombor bulat diperlukan.",
    "Input should be a valid date or datetime.": "Tarikh diperlukan.",
    "Input should be a valid datetime.": "Tarikh dan masa diperlukan.",
    "must be one of {known}": "Salah satu daripada ini diperlukan: {known}.",
    "The agency receives requests through {channels}.": "Agensi menerima permohonan melalui {channels}.",
    "The agency answers through {channels}.": "Agensi memberi maklum balas melalui {channels}.",
    "A correction cannot change this: withdraw, and submit a new request.": "Pembetulan tidak boleh mengubah ini: tarik balik dan hantar permohonan baharu.",
    "At most {limit} bytes can be approved.": "Paling banyak {limit} boleh diluluskan.",
    "At most {limit} bytes can be approved; set a lower quota_bytes.": "Paling banyak {limit} boleh diluluskan; tetapkan kuota yang lebih rendah.",
    "Say in exception_reason why this is approved in spite of its warnings.": "Nyatakan sebab permohonan ini diluluskan walaupun ada amaran.",
    "Say why: the applicant is told this reason.": "Nyatakan sebabnya: pemohon akan dimaklumkan.",
    "Only an approval takes this.": "Ini hanya untuk kelulusan.",
    "A termination grants nothing.": "Penamatan tidak memberi apa-apa.",
    "Choose one.": "Pilih satu.",
    "Choose at least one request.": "Pilih sekurang-kurangnya satu permohonan.",
    "Choose a file.": "Pilih satu fail.",
    "Say why: it is kept with the item.": "Nyatakan sebabnya: ia disimpan bersama mesej ini.",
    "A document that was attached before cannot be found: attach it again.": "Dokumen yang dilampirkan sebelum ini tidak dapat dijumpai: lampirkan semula.",
    "At most {limit} documents are allowed: take {many} out.": "Paling banyak {limit} dokumen dibenarkan: buang {many}.",
    "Say why: it is kept on record with the correction.": "Nyatakan sebabnya: ia disimpan dalam rekod bersama pembetulan ini.",
    "{name}: The content is not {declared}.": "{name}: kandungannya bukan {declared}.",
    "{name}: The body must hold the document's bytes.": "{name}: fail ini kosong.",
    "{name}: Content-Type must be one of {kinds}.": "{name}: jenis dokumen ini tidak diterima.",
    "{name}: at most {limit} bytes are allowed": "{name}: paling banyak {limit} dibenarkan.",
    "{name}: A name of 1 to 200 visible characters is needed, without control characters.": "{name}: nama fail hendaklah 1 hingga 200 aksara yang kelihatan.",
    "There is no such document of yours: upload it first, to /v1/documents.": "Tiada dokumen seperti ini yang anda serahkan: lampirkan semula.",
    "It is another agency's: only that agency may ask for it.": "Akaun ini milik agensi lain: hanya agensi itu boleh memohon.",
    "Your sign-in's address or the directory's is needed; an administrator of your agency can name another.": "Alamat log masuk anda atau alamat dalam direktori diperlukan; pentadbir agensi anda boleh menamakan yang lain.",
    "Emoji are not allowed in names: {character}.": "Emoji tidak dibenarkan dalam nama: {character}.",
    "No font of letters and forms has this character: {character}.": "Aksara ini tidak dapat dicetak pada surat dan borang: {character}.",
    "The image is broken: scan it again.": "Imej ini rosak: imbas semula.",
    "The image is broken, or written in a way that cannot be read: scan it again, as PDF, or as TIFF, JPEG or PNG in black and white, grey or RGB.": "Imej ini rosak, atau ditulis dengan cara yang tidak dapat dibaca: imbas semula sebagai PDF, atau sebagai TIFF, JPEG atau PNG hitam putih, kelabu atau RGB.",
    "There are more than {most} pages: scan fewer at a time.": "Terdapat lebih daripada {most} halaman: imbas kurang daripada itu setiap kali.",
    "Page {number} has more than {most} pixels: scan it with 300 dpi.": "Halaman {number} mempunyai lebih daripada {most} piksel: imbas dengan 300 dpi.",
    "Page {number} is in colours that cannot be shown ({mode}): scan it in grey or RGB.": "Warna halaman {number} tidak dapat ditunjukkan ({mode}): imbas dalam kelabu atau RGB.",
    "Page {number} is larger than A0.": "Halaman {number} lebih besar daripada A0.",
    "The PDF is locked with a password: save it without one.": "PDF ini dikunci dengan kata laluan: simpan tanpa kata laluan.",
    "The PDF is broken: scan or save it again.": "PDF ini rosak: imbas atau simpan semula.",
    "The PDF is broken: its pages cannot be copied.": "PDF ini rosak: halamannya tidak dapat disalin.",
    "The PDF has no page.": "PDF ini tiada halaman.",
    "There are cover sheets alone: scan the papers behind them.": "Hanya ada helaian pengasing: imbas kertas di belakangnya.",
    "The scan takes too long to read: scan fewer pages at a time.": "Imbasan ini mengambil masa terlalu lama untuk dibaca: imbas kurang halaman setiap kali.",
    "The scan is broken, or too large to be read: scan it again.": "Imbasan ini rosak, atau terlalu besar untuk dibaca: imbas semula.",
    "Web addresses are not allowed in names.": "Alamat web tidak dibenarkan dalam nama.",
    "Must not be blank.": "Ini perlu diisi.",
    "Control characters are not allowed.": "Aksara kawalan tidak dibenarkan.",
    "Control characters are not allowed (line breaks and tabs are).": "Aksara kawalan tidak dibenarkan (baris baharu dan tab dibenarkan).",
    "Bidirectional and zero-width characters are not allowed in names.": "Aksara dua arah dan aksara tanpa lebar tidak dibenarkan dalam nama.",
}
"""By the English template; a place in it matches anything (up to 1,000 characters), and stands in the Malay one as it was."""

_KNOWN: Final = tuple(
    (re.compile(_PLACE.sub(r"(?P<\1>.{1,1000})", re.escape(english)), re.DOTALL), malay)
    for english, malay in MALAY.items()
)


def in_malay(detail: str, size: Callable[[int], str]) -> str | None:
    """The Malay sentence, with `size` for a number of bytes; None where there is none."""
    for english, malay in _KNOWN:
        if found := english.fullmatch(detail):
            told = found.groupdict()
            for limit in _LIMITS & told.keys():
                if told[limit].isdecimal() and int(told[limit]) >= _SMALLEST_SIZE:
                    told[limit] = size(int(told[limit]))
            if "expected" in told:
                told["expected"] = told["expected"].replace(" or ", " atau ")
            return malay.format_map(told)
    return None
