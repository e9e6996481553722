"""What speaks against a filled form: words beside it, or in its justification, that a person must read first."""

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Final, Literal

from bmt.contracts.values import size_in_bytes

Doubt = Literal["words_beside_form", "line_contradicted", "names_a_request"]

SIZES: Final = ("quota_bytes", "max_file_size_bytes")

_MOST_CHARACTERS: Final = 50_000
_LONGEST_SAID: Final = 1_000

_NOTICE: Final = re.compile(
    r"\b(?:penafian|disclaimer|confidential|privileged|sulit|kerahsiaan|intended recipients?|named recipients?|virus)\b"
    r"|\bpenerima (?:yang |e-?mel )?(?:sebenar|dimaksud|dinama|tersebut)|\bnot the (?:intended|named)\b|\bbukan penerima\b|\bliab(?:le|ility)\b|\btidak bertanggungjawab\b",
    re.IGNORECASE,
)
"""Paragraphs of mail gateways, which ask strangers to ignore or delete the message."""

_THING: Final = (
    r"\b(?:permohonan|penamatan|borang|e-?mel|e-?mail|mesej|request|application|form|message)\b"
)
_TAKES_BACK: Final = re.compile(
    rf"\b(?:(?:mem)?batalkan|(?:menarik|ditarik|tarik|penarikan) (?:balik|semula)|panggil balik|(?:di)?abaikan|(?:di)?(?:padam|nyah|henti|gugur|hapus)kan|tidak jadi|tak jadi"
    rf"|jangan(?:lah)? (?:di)?(?:proses|daftar|lulus)(?:kan)?|withdraw(?:n|ing)?|cancel(?:l?ed|ling)?|recall(?:ed)?|retract(?:ed)?|ignore|disregard"
    rf"|(?:do not|don't) (?:process|register|approve))\b[^.!\n]{{0,60}}{_THING}"
    rf"|{_THING}[^.!\n]{{0,40}}\b(?:(?:di)?(?:batal|gugur)(?:kan)?|ditarik balik|diabaikan|(?:is|was|are) (?:withdrawn|cancell?ed))\b",
    re.IGNORECASE,
)
_IS_NONE: Final = re.compile(
    r"\b(?:abaikan(?:lah)?|lupakan|(?:ingin|nak|mahu) tahu|(?:want|like) to know|terangkan|tunjuk cara|ignore|disregard|never ?mind|x(?:jadi|payah|nak)|fikiran|(?:me|ng|meng)?undur|enggan|palsu|change(?:d)? my mind|scrap|revert|rather|reconsider|rescind|undo|(?<!talian )aduan|complaint)\b|\b(?:contoh|sampel|samples?|demo|simulasi|cubaan|cuba-cuba)\b|\b(?:an|as|for) example (?:of|only)\b"
    r"|\b(?:draf|deraf|draft)\b|\b(?:makluman|pengetahuan|rujukan|simpanan|latihan|semakan)(?: borang| tuan| puan)? sahaja\b|\b(?:untuk|tujuan) (?:simpanan|latihan)\W{0,3}$|\bjust checking\b|\basking for\b|\bbelajar mengisi\b|\b(?:information|reference|records?|training)(?: purposes?)? only\b"
    r"|\btiada tindakan\b|\bno (?:further )?action\b|\b(?:hanya|sekadar|cuma|just|only) (?:ber)?(?:tanya|memajukan|asking|forwarding)\b"
    r"|\b(?:permohonan|borang) (?:saya )?(?:yang )?(?:terdahulu|sebelum ini|lepas|lama|tadi)\b|\b(?:previous|earlier|last) (?:request|application|form)\b"
    r"|\b(?:menggantikan|gantikan)\b(?! (?:puan|pn|cik|encik|en|tuan|dr|dato|datuk|datin)\b)|\b(?:pembetulan|membetulkan|betulkan|pindaan(?! (?:undang|akta))|meminda)\b|\b(?:replaces?|supersedes?|correction|amend(?:s|ed|ment)?)\b"
    r"|\b(?:membantah|bantah|mencurigakan|penipuan|suspicious|scam|phishing)\b|\b(?:milik (?:\w{1,20} )?|orang |rakan |borang )(?:lain|saya juga|kedua)\b|\b(?:nama|akaun|e-?mel) saya (?:sekarang|kini)\b|\baktifkan semula\b|\breactivate\b|\btanpa (?:pengetahuan|kebenaran|kelulusan|izin)\b"
    r"|^[^\w\n]{0,5}(?:pertanyaan|soalan|enquiry|inquiry|question)\W{0,5}$|^(?:read|not read|dibaca|undeliverable|declined)\s?:",
    re.IGNORECASE | re.MULTILINE,
)
"""It asks for nothing, not yet, or in the place of something else."""
_REFERENCE: Final = re.compile(r"\bBMT-[A-Z][A-Z0-9_-]{0,31}-[0-9]{4}-[0-9A-Z]{8}\b", re.IGNORECASE)
"""Of a request of before, as the subject of an answer to our notice has it: the form may be its correction."""
_ENDS: Final = re.compile(
    r"\b(?:(?:mem|di|pem)?batal(?:kan|an)?|(?:menarik|ditarik|tarik) balik|tidak jadi|tak jadi|withdraw(?:n|al|ing)?|cancel(?:l?ed|ling|lation)?|recall(?:ed)?|retract(?:ed)?"
    r"|tidak (?:lagi )?(?:perlu|memerlukan|diperlukan)|tak perlu|no longer (?:need|require)\w*)\b"
    r"|(?<!yang )\b(?:telah|sudah|dah|has|have)\b[^.\n]{0,15}\b(?:pencen|bersara|berhenti|meninggal|dipecat|ditutup|digodam|digantung|retired|resigned|died|passed away)\b|\b(?:telah|kini|sudah|dah) (?:bertugas|bertukar|berpindah) (?:di|ke)\b(?! sini)|\bmoved to\b",
    re.IGNORECASE,
)
"""Words against an application, which a termination may be asked for with."""
_TERMINATES: Final = re.compile(
    r"\b(?:pe|me|di)?(?:namat|tamat)(?:kan|an)\b|\bterminat(?:e|ed|es|ing|ion)\b", re.IGNORECASE
)
_OF_BOTH_KINDS: Final = re.compile(
    r"\b(?:unit|bahagian|seksyen|cawangan|division|section) (?:penamatan|termination)\b"
    r"|(?:permohonan|application)\s{0,3}(?:/|&|,|dan|atau|and|or)\s{0,3}(?:penamatan|termination)"
    r"|(?:penamatan|termination)\s{0,3}(?:/|&|,|dan|atau|and|or)\s{0,3}(?:permohonan|application)",
    re.IGNORECASE,
)
"""The heading of a form for both; an office."""
_ABOUT_ANOTHER: Final = re.compile(
    r"\b(?:status|siap|susulan|peringatan|reminder|follow[- ]?up|any update|menyokong|disokong|sokong|bersetuju|setuju|luluskan|diluluskan|approved?|supported?)\b"
    r"|\b(?:permohonan|borang|maklumat) (?:saya |beliau )?(?:yang |seperti )?di ?bawah\b|\b(?:see|request|form|application) below\b",
    re.IGNORECASE,
)
"""In an answer: what stands below may be the message that is answered, though no sign of it is left."""
_NOT_NOW: Final = re.compile(
    r"\b(?:tunggu|nanti|kiv)\b|^[^\w\n]{0,5}(?:(?:please|sila|tolong) )?(?:stop|hold|henti)\b|\b(?:semak|tengok|lihat|(?:sah|pasti)kan|bincang|tanya|hold|check|confirm|ask|review)\b[^.\n]{0,40}\b(?:dulu|dahulu|first)\b|\b(?:di|me|pe)?(?:tangguh|nangguh)(?:kan|an)?\b|\bjangan(?:lah)? [^.\n]{0,40}\b(?:dulu|dahulu)\b"
    r"|\b(?:hold|wait|postpone) (?:this|it|on|off|until|for)\b|\bmenunggu (?:kelulusan|persetujuan|pengesahan)\b|\bakan di\w{1,15} kemudian\b|\bon hold\b|\bpending\b|\bnot yet\b|\bakan (?:saya )?(?:(?:sah|maklum|muktamad|confirm)(?:kan)?|\w{1,15} semula)\b|\bon ice\b|\buntil further\b"
    r"|\bbelum (?:lagi )?(?:di|me|men)?(?:lulus|sokong|nyokong|sah|gesah|setuju)(?:kan)?\b|\btertakluk (?:kepada|pada)\b|\bsubject to\b"
    r"|\b(?:jika|kalau|sekiranya|if|unless)\b[^.\n]{0,120}\b(?:tidak (?:di|me)?perlu(?:kan)?|tidak jadi|not needed|no need)\b",
    re.IGNORECASE | re.MULTILINE,
)
_MONTH: Final = (
    r"(?:januari|january|jan|februari|february|feb|mac|march|april|apr|mei|june?|julai|july|jul|ogos|august|aug|september|sept?|oktober|october|okt|oct"
    r"|november|nov|disember|december|dis|dec)\b"
)
_WHEN: Final = (
    rf"\b(?:(?:[12][0-9]|3[01]|0?[1-9])\s?(?:hb\b|/\s?[01]?[0-9]\b|[.-][01]?[0-9][.-]20[0-9]{{2}}\b|may\b)|(?:[12][0-9]|3[01]|0?[1-9])?\s?{_MONTH}"
    r"|20[2-9][0-9]\b(?!\s?[kmgt]i?b)"
    r"|(?:[0-9]{1,3}|satu|dua|tiga|enam|one|two|three|six)\s?(?:hari|minggu|bulan|tahun|days?|weeks?|months?|years?)\b"
    r"|se(?:hari|minggu|bulan|tahun)\b|(?:hari|minggu|bulan|tahun) (?:ini|depan|hadapan|berikutnya)\b|(?:this|next) (?:week|month|year)\b)"
)
_FROM_WHEN: Final = re.compile(
    rf"\b(?:berkuat ?kuasa|kuat ?kuasa|efektif|effective|mulai|bermula|starting|from|sehingga|hingga|until|till|selama|tempoh|period|needed for|selepas|after"
    rf"|tarikh (?:mula|tamat|akhir|luput|penamatan)|(?:start|end|expiry|last) (?:date|day))\b[^.\n]{{0,25}}?{_WHEN}"
    rf"|\b(?:hanya|khas|only)\b[^.\n]{{0,25}}?(?:\bbulan )?{_WHEN}|{_WHEN} (?:sahaja|only)\b"
    rf"|\b(?:hujung|akhir|awal) (?:bulan|tahun|minggu)\b|\b(?:end|beginning) of (?:the |this |next )?(?:month|year|week)\b",
    re.IGNORECASE,
)
"""A form has no line for a day: who wants the service, or its end, from or until then is registered by a person."""
_NO_REQUEST_OF_ITS_OWN: Final = re.compile(
    r"^[^\w\n]{0,5}(?:ujian|test(?:ing)?(?: e?-?mail)?|just testing|fyi)\b[\W\d]{0,5}(?:$|,)|\b(?:ujian|test(?:ing)?) (?:sahaja|only)\b|\bthis is (?:just |only )?a test\b|\b(?:sekadar|hanya|cuma) (?:men)?(?:cuba|coba)\b|\bpercubaan (?:sahaja|sistem)\b|\bini (?:hanya |adalah |ialah )?(?:satu )?ujian\b"
    r"|\b(?:ter|di|ke)?silap(?:an)?\b|\b(?:ter|di)?salah\b(?! (?:satu|seorang|guna))|\bralat\b|(?<!tindakan )(?<!tindakan yang )\b(?:se)?patut(?:nya)?\b|(?<!dengan )(?<!penerima )\bsebenar(?:nya)?\b|\byang betul\b|\b(?:tidak|tak|kurang) (?:betul|tepat|sah)\b"
    r"|\b(?:mistakes?|wrong(?:ly)?|incorrect(?:ly)?|errors?|typo|misspel\w{1,5}|actually)\b|\bit should (?:be|have)\b"
    r"|\b(?:tidak|tak) (?:ber)?setuju\b|(?<!/)(?<!/ )\b(?:tidak|tak) (?:di|me)?(?:nyokong|sokong|lulus)(?:kan)?\b|\b(?:di|me)?(?:tolak|nolak)\b(?! ansur)|\breject(?:ed|s)?\b"
    r"|\b(?:not|don't|doesn't) (?:agree|approve|support)|\bdeclined\b|\b(?:telah|sudah|dah) berubah\b|\bonly if\b(?! (?:necessary|needed))|\bmore than that\b",
    re.IGNORECASE | re.MULTILINE,
)
"""A test, a correction, or a refusal."""
_NUMBER_WORD: Final = r"(?:dua|tiga|empat|lima|enam|tujuh|lapan|sembilan|sepuluh|beberapa|two|three|four|five|several)"
_SEVERAL_PEOPLE: Final = re.compile(
    rf"\b(?:[2-9]|[1-9][0-9]{{1,2}}|{_NUMBER_WORD})\s(?:\([^()\n]{{1,20}}\)\s)?(?:orang|pemohon|pengguna|permohonan|borang|akaun|applicants|users|people|applications|forms|accounts|officers)\b"
    rf"|\b{_NUMBER_WORD}\s(?:pegawai|kakitangan|staf|staff)\b"
    r"|\bsenarai (?:[0-9]{1,4} )?(?:nama|pegawai|pemohon|pengguna|kakitangan)\b|\btermasuk (?:juga )?(?:encik|puan|cik|en|pn)\b|\bsemua (?:ahli|staf|pegawai|kakitangan|pengguna)\b|\b(?:untuk saya dan|for (?:me|myself) and)\b|\bdaftarkan (?:sekali|juga)\b|\bseorang lagi\b|\balso add\b|\bas well\W{0,3}$|\bbagi pihak (?:rakan|kawan)\b|\blist of (?:names|users|applicants|officers)\b"
    r"|\b(?:juga|sama) (?:untuk|bagi)\b(?! (?:makluman|tindakan|rujukan))|\b(?:also|same|as well as) for\b",
    re.IGNORECASE | re.MULTILINE,
)
_ALSO_FOR: Final = re.compile(
    r"\b(?:juga|also)\b[^.\n]{0,20}\b(?:untuk|bagi|for)\b[^@\n]{0,120}@", re.IGNORECASE
)
_CHANGE: Final = (
    r"(?:(?:di)?(?:tukar|ubah|pinda|pindah|alih|sambung|gunakan)(?:kan)?|kemas ?kini(?:kan)?|(?:di)?(?:lanjut|kurang|tingkat|naik|serah)kan|naik ?taraf(?:kan)?|(?:di)?panjangkan tempoh|(?:mem|di)?per(?:baharui|baiki)"
    r"|change|reduce|increase|update(?! (?:me|us)\b)|renew|transfer|move|extend|replace|upgrade|modify|edit|use)\b"
)
_ANOTHER_REQUEST: Final = re.compile(
    rf"^[^\w\n]{{0,5}}(?:{_CHANGE}|(?:perpindahan|penyambungan|pembaharuan|lanjutan|renewal)\b)|\b(?:sila|mohon|pohon|tolong|harap|minta|please|kindly|nak|hendak|mahu|ingin)\s(?:[a-z]{{1,12}}\s){{0,2}}?{_CHANGE}(?! (?:perkhidmatan|bmt)(?! (?:ini|saya|sedia ada|daripada|dari)))",
    re.IGNORECASE | re.MULTILINE,
)
"""It asks to change, extend or move what there is."""
_BESIDE: Final = (
    _IS_NONE, _NOT_NOW, _FROM_WHEN, _NO_REQUEST_OF_ITS_OWN, _SEVERAL_PEOPLE, _ANOTHER_REQUEST
)  # fmt: skip

_SENTENCE: Final = re.compile(r"[^.!?\n]*(?:[.!?](?!\s)[^.!?\n]*)*[.!?]?")
_IF: Final = r"\b(?:jika|sekiranya|kalau|apabila|if|when|should)\b"
_TELLS: Final = r"\b(?:hubungi|maklumkan|beritahu|contact|call|let (?:me|us) know|pertanyaan|questions?|maklumat (?:lanjut|tambahan))\b"
_MAY_END: Final = r"\b(?:boleh|may|hendaklah|bersetuju|agree|faham|maklum|understand)\b.{0,120}\b(?:(?:di)(?:batal|tamat|gantung|tolak)kan|ditolak|ditarik balik|digantung|terminated|revoked|cancell?ed|suspended|withdrawn|rejected)\b"
_OF_COURTESY: Final = re.compile(
    rf"{_IF}.{{0,120}}{_TELLS}|{_TELLS}.{{0,120}}{_IF}|{_IF}.{{0,120}}{_MAY_END}|{_MAY_END}.{{0,120}}{_IF}|{_MAY_END}\W*$"
    r"|\babaikan (?:e-?mel|mesej|peringatan) ini (?:jika|sekiranya)\b.{0,40}\btelah\b"
    r"|\b(?:jangan|do not|don't|tidak perlu|tidak akan|tidak pernah|no|never)\b.{0,20}\b(?:cetak|print|(?:di)?balas|reply|klik|click|kongsi|share|hesitate|teragak|meminta|ask)\b",
    re.IGNORECASE,
)
"""What is offered or declared on any form, and what stands below any message."""
_QUESTION: Final = re.compile(r"\w\s?\?(?!\w)")
_POLITE: Final = re.compile(
    r"\b(?:khabar|how are you|(?:khidmat|perkhidmatan) kami|our service)\b|\b(?:bantuan|help|assistance|pertanyaan|soalan|questions?|aduan|masalah)\s?\?"
    r"|\b(?:boleh|dapat|could|can|would|will)(?:kah)?\s(?:kiranya )?(?:pihak )?(?:tuan|puan|encik|cik|you)\b(?!.{0,200}\b(?:bila|berapa|bagaimana|kenapa|how|when|why|what)\b).{0,200}\b(?:mem|men)?(?:proses|process|daftar|register|lulus|approve|pertimbang|consider|bantu|assist|help)"
    r"|\btuan (?:boleh|dapat) (?:mem)?proses",
    re.IGNORECASE,
)
_NEGATED: Final = re.compile(
    r"\b(?:tidak|tak|tdk)\b(?! (?:(?:dapat|boleh|mampu)(?! (?:me)?neruskan)|(?:men)?cukupi?|mempunyai|membenarkan|pernah|terhingga|ternilai|lengkap|berkenaan))"
    r"|\b(?:bukan(?:nya)?|jangan(?:lah)?|jgn|belum|usah)\b(?! pernah)|\b(?:not|don't|doesn't|didn't|isn't|no longer)\b(?! (?:only|able|allow|enough|have|had|necessarily))",
    re.IGNORECASE,
)
_OF_OTHER_MEANS: Final = re.compile(
    r"\b(?:e-?mel|e-?mail|fail|lampiran|peti mel|outlook|gmail|google drive|files?|attachments?)\b(?! (?:ini|tadi|di|tersebut|this|below))[^.\n]{0,60}\b(?:tidak|tak|not|can't)\b|/ ?tidak\b",
    re.IGNORECASE,
)
"""Why mail does not suffice; a choice that is not made."""

_END: Final = (
    r"\b(?:(?:(?:di|me|mem|pe|pem)?(?:tamat|namat|henti|berhenti|tutup|nutup|gugur|padam|matikan|nyahaktif)|menyahaktif)(?:kan|an)?"
    r"|terminat(?:e|ed|ing|ion)|stop|clos(?:e|ing)|deactivat(?:e|ion)|disabl(?:e|ing)|discontinue|delet(?:e|ion))\b"
)
_NEEDS_NONE: Final = r"\b(?:(?:tidak|tak) (?:lagi )?(?:perlu(?:kan)?|memerlukan|mahukan|digunakan)|no longer needs?)\b"
_A_SERVICE: Final = r"\b(?:perkhidmatan|khidmat|akaun|service|account|bmt)\b"
_THIS_SERVICE: Final = r"\b(?:(?:perkhidmatan|khidmat|akaun) (?:bmt|big mail|ini|saya|beliau|tersebut)|(?:this|my|the|his|her) (?:service|account)|bmt)\b"
_ENDS_A_SERVICE: Final = re.compile(rf"{_END}[^.\n]{{0,20}}?{_A_SERVICE}", re.IGNORECASE)
_ENDS_THIS_SERVICE: Final = re.compile(
    rf"(?:{_END}|{_NEEDS_NONE}|\b(?:(?:mem)?batalkan|cancel)\b)[^.\n]{{0,20}}?{_THIS_SERVICE}|\b(?:bmt|perkhidmatan ini|this service)\b[^.\n]{{0,20}}?(?:{_END}|{_NEEDS_NONE}|\btidak (?:lagi )?diperlukan\b)",
    re.IGNORECASE,
)
"""In the justification of an application, which may speak of other services that end."""
_ENDS_NOTHING: Final = re.compile(
    rf"\b(?:bukan(?:nya)?|jangan(?:lah)?|(?:tidak|tak) (?:mahu|ingin|nak|hendak|perlu|berniat|akan)|not|don't)\s(?:[a-z]{{1,15}}\s){{0,3}}{_END}"
    r"|\b(?:masih|still) (?:lagi )?(?:di|me|meng)?(?:perlu(?:kan)?|merlukan|mahu(?:kan)?|guna(?:kan)?|needs?|uses?)\b"
    r"|(?<!tidak )(?<!tak )(?<!perlu )(?<!akan )\b(?:di|me)?(?:terus|nerus|kekal|ngekal|sambung|nyambung)kan\b(?! (?:proses|tindakan|urusan|dengan|penamatan|permohonan))"
    r"|(?<!tidak )(?<!tak )\b(?:di|meng)?aktifkan\b|(?<!not )\b(?:continue|keep|activate|enable) (?:to use|using|bmt|(?:the|my|this|his|her) (?:service|account|bmt))\b",
    re.IGNORECASE,
)
"""In a termination: the service is to go on, or to begin."""
_BEGINS: Final = re.compile(
    r"\b(?:permohonan|pendaftaran|langganan) (?:baharu|baru)\b|\bnew (?:application|request)\b|\b(?:me)?mohon (?:(?:untuk )?(?:menggunakan|mendapatkan|melanggan) |(?:tambahan )?(?:perkhidmatan|kuota|akses)\b)"
    r"|\bappl(?:y|ying) for\b|\b(?:me)?nambah(?:kan)? kuota\b",
    re.IGNORECASE,
)


def doubt(
    subject: str, beside: Iterable[str], justification: str, *, kind: str, is_answer: bool
) -> Doubt | None:
    """Why a filled form may not be meant as it stands; None: nothing speaks against it.

    `beside` are the lines that belong to no label, `kind` is what the form asks for.
    """
    told = _without_notices([subject, "", *beside])
    reason = justification[:_MOST_CHARACTERS]
    if _TAKES_BACK.search(told) or _TAKES_BACK.search(reason) or _ALSO_FOR.search(reason):
        return "words_beside_form"
    # Who ends a service names the request that gave it; the answer to a notice means its request all the same.
    if (kind == "application" or is_answer) and (
        _REFERENCE.search(told) or _REFERENCE.search(reason)
    ):
        return "names_a_request"
    if any(each.search(told) for each in _BESIDE) or (is_answer and _ABOUT_ANOTHER.search(told)):
        return "words_beside_form"
    sentences = told.split("\n")
    if any(_QUESTION.search(each) and not _POLITE.search(each) for each in sentences):
        return "words_beside_form"
    if _contradicted(kind, _OF_BOTH_KINDS.sub(" ", told), reason):
        return "line_contradicted"
    is_against = kind == "application" and (
        _ENDS.search(told)
        or any(_NEGATED.search(each) and not _OF_OTHER_MEANS.search(each) for each in sentences)
    )
    return "words_beside_form" if is_against else None


def _contradicted(kind: str, told: str, reason: str) -> bool:
    if kind == "application":
        ends = _TERMINATES.search(told) or _ENDS_A_SERVICE.search(told)
        return bool(ends or _ENDS_THIS_SERVICE.search(reason))
    if _ENDS_NOTHING.search(told) or _ENDS_NOTHING.search(reason):
        return True
    both = f"{told}\n{reason}"
    return bool(_BEGINS.search(both)) and not (_TERMINATES.search(both) or _ENDS.search(both))


def _without_notices(lines: Sequence[str]) -> str:
    """The sentences, each on one line, without those that stand in any letter."""
    text = "\n".join(line[:_LONGEST_SAID].strip() for line in lines)[:_MOST_CHARACTERS]
    paragraphs = (" ".join(each.split()) for each in text.split("\n\n"))
    told = (_SENTENCE.findall(each) for each in paragraphs if not _NOTICE.search(each))
    sentences = (sentence.strip() for paragraph in told for sentence in paragraph)
    return "\n".join(each for each in sentences if each and not _OF_COURTESY.search(each))


_OF_APPLICANT: Final = re.compile(
    r"\W{0,8}(?:[0-9a-z]{1,2}[.)]\s?)?(?:(?P<label>nama|akaun|(?:alamat )?e-?mel)(?: (?:penuh|pemohon|pengguna|kakitangan|staf|rasmi|(?:1|my)govuc)){1,2}|(?P<bare>alamat e-?mel))\s?[:=\t]\s{0,9}(?P<value>.{1,300})"
    r"|\W{0,8}(?:[0-9a-z]{1,2}[.)]\s?)?(?:(?:full|(?:applicant|user|staff)(?:['’]?s)?) (?P<english>name|account|e-?mail)(?: address)?|(?P<address>e-?mail address))\s?[:=\t]\s{0,9}(?P<other>.{1,300})",
    re.IGNORECASE,
)
_FIELD_OF: Final = {"nama": "name", "name": "name", "akaun": "account", "account": "account"}


def said_of_applicant(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The fields of lines such as `Nama pemohon: Siti`, which are no labels, each with its value.

    Where `Nama: Ahmad` stands beside it, that may be another person.
    """
    for line in lines:
        if found := _OF_APPLICANT.fullmatch(line[:_LONGEST_SAID].strip()):
            label = (found["label"] or found["english"] or "").lower()
            yield _FIELD_OF.get(label, "email"), (found["value"] or found["other"]).strip()


_SIZE: Final = (
    r"(?:[0-9][0-9.,]{0,15}\s{0,2}(?:[kmgt]i?b?|(?:kilo|mega|giga|tera)(?:bait|bytes?)?|gig)"
    r"|\b(?:se|satu|dua|tiga|empat|lima|enam|tujuh|lapan|sembilan|sepuluh|belas|puluh|ratus|ribu|one|two|three|five|ten|twenty|fifty|hundred) (?:mega|giga|tera)(?:bait|bytes?))\b"
)
_A_SIZE: Final = re.compile(_SIZE, re.IGNORECASE)
_LABELLED: Final = re.compile(rf"([^:：=]{{1,60}})[:：=]\s{{0,10}}{_SIZE}.{{0,60}}", re.IGNORECASE)
_UNLABELLED: Final = re.compile(
    rf"((?:[a-z]{{2,12}}\.?\s){{0,3}}(?:saiz|size|had|limit)\b[^\d.]{{0,40}})\b{_SIZE}\W{{0,3}}",
    re.IGNORECASE,
)
_BEGINS_WITH_QUOTA: Final = re.compile(
    r"[\W\d_]{0,8}(?:[a-z]{1,12}\s){0,2}(?:kuota|quota)\b.{0,60}\d", re.IGNORECASE
)
_QUOTA: Final = re.compile(
    r"\b(?:kuota|quota|storan|storage|ruang|kapasiti|capacity)\b", re.IGNORECASE
)
_FILE: Final = re.compile(
    r"\b(?:fail|files?|lampiran|attachments?|muat naik|uploads?)\b", re.IGNORECASE
)
_WANTS_QUOTA: Final = re.compile(
    r"\b(?:kuota|quota) (?:yang )?(?:saya |i )?(?:mahu|perlu|want|need|hanya|only)\w*",
    re.IGNORECASE,
)
_BEFORE: Final = 40
_AFTER: Final = 25
_AS_IT_IS: Final = re.compile(
    r"\b(?:semasa|sekarang|kini|sedia ada|lama|asal|current(?:ly)?|present|existing|old)\b",
    re.IGNORECASE,
)
_OF_MAIL: Final = re.compile(
    r"\b(?:e-?mel|e-?mail|peti|mailbox|outlook|gmail|google|hanya|only|melebihi|exceed\w*|terhad|limited)\b",
    re.IGNORECASE,
)
"""Words of the limits that there are, not of those that are asked for."""


def sizes_elsewhere(lines: Iterable[str]) -> frozenset[str]:
    """The sizes that these lines seem to ask for, though no label of theirs begins the line."""
    found: set[str] = set()
    for line in lines:
        found |= _asked(line[:_LONGEST_SAID].strip())
    return frozenset(found)


def other_sizes(lines: Iterable[str], asked: Container[int | None]) -> bool:
    """Whether lines beside the form speak of a size that it does not ask for, and that is no limit of mail."""
    short = (line[:_LONGEST_SAID].strip() for line in lines)
    return any(
        size_in_bytes(size[0]) not in asked
        for line in short
        for size in _A_SIZE.finditer(line)
        if not (_AS_IT_IS.search(line) or _OF_MAIL.search(line) or _FILE.search(line))
        or _WANTS_QUOTA.search(line)
    )


def _asked(line: str) -> set[str]:
    if not (any(map(str.isdigit, line)) or _A_SIZE.search(line)) or _AS_IT_IS.search(line):
        return set()
    if labelled := _LABELLED.fullmatch(line) or _UNLABELLED.fullmatch(line):
        return _meant(labelled[1])
    if _BEGINS_WITH_QUOTA.match(line) and not _OF_MAIL.search(line):
        return {"quota_bytes"}
    for size in _A_SIZE.finditer(line):
        near = line[max(size.start() - _BEFORE, 0) : size.end() + _AFTER]
        if _QUOTA.search(near) and not _OF_MAIL.search(near):
            return {"quota_bytes"}
    return set()


def _meant(label: str) -> set[str]:
    """What a label means; one that names neither may mean both."""
    if _QUOTA.search(label):
        return {"quota_bytes"}
    return {"max_file_size_bytes"} if _FILE.search(label) else set(SIZES)
