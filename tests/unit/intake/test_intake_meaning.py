"""Whether a filled form is meant as it stands: what a careful clerk would register, and what would make one ask."""

from email.message import EmailMessage
from types import SimpleNamespace

import pytest
from submissions import CODES

from services.intake.channels.email_form import proposed_kind
from services.intake.channels.labels import labelled
from services.intake.channels.message import decoded
from services.intake.domain.events import Missing
from services.intake.inbox_api import why_it_waits
from services.intake.mail_process import open_mail

FORM = """\
Jenis: permohonan
Agensi: MAMPU
Nama: Siti Aminah binti Ali
Akaun: siti.mampu@mygovuc.gov.my
E-mel: siti.mampu@mygovuc.gov.my
Justifikasi: Menghantar pelan tapak kepada kontraktor.
"""
SIZES = "Kuota: 20 GB\nSaiz fail: 1 GB\n"
WHOLE = FORM + SIZES
GB = 10**9


def form(
    text: str | None = None,
    subject: str = "Permohonan BMT",
    html: str | None = None,
    *,
    answers: bool = False,
):
    made = EmailMessage()
    made["From"] = "Siti Aminah <siti.mampu@mygovuc.gov.my>"
    made["Subject"] = subject
    if answers:
        made["In-Reply-To"] = "<a@mampu.gov.my>"
    if text is not None:
        made.set_content(text)
    else:
        made.set_content(html, subtype="html")
    return open_mail(bytes(made), CODES).form


def in_html(text: str) -> str:
    return "".join(f"<p>{line}</p>" for line in text.splitlines())


def why(found) -> list[tuple[str, str]]:
    assert found.request is None
    return [(each.field, each.code) for each in found.missing]


def test_all_that_is_wrong_is_named_at_once_and_each_field_once():
    wrong = FORM.replace("permohonan", "pembaharuan").replace("MAMPU", "ABC")
    wrong = wrong.replace("Siti Aminah binti Ali", "Siti " * 50)
    wrong = wrong.replace("Akaun: siti.mampu@mygovuc.gov.my", "Akaun: siti mampu")
    assert why(form(f"{wrong}Kuota: banyak\n")) == [
        ("kind", "line_not_understood"),
        ("agency", "line_not_understood"),
        ("quota_bytes", "line_not_understood"),
        ("account", "line_not_understood"),
        ("name", "too_long"),
    ]
    wrong = WHOLE.replace("Agensi", "Jabatan").replace(
        "E-mel: siti.mampu@mygovuc.gov.my", "E-mel: siti@"
    )
    assert why(form(wrong)) == [("agency", "line_missing"), ("email", "line_not_understood")]


class TestSizes:
    @pytest.mark.parametrize(
        ("line", "field"),
        [
            ("Kuota storan: 50 GB", "quota_bytes"),
            ("Kuota yang dipohon: 50 GB", "quota_bytes"),
            ("Kuota - 50 GB", "quota_bytes"),
            ("Kuota 50 GB", "quota_bytes"),
            ("Kuota; 50 GB", "quota_bytes"),
            ("Quota required: 50 GB", "quota_bytes"),
            ("Storage: 50 GB", "quota_bytes"),
            ("\N{CYRILLIC CAPITAL LETTER KA}uota: 50 GB", "quota_bytes"),
            ("Saiz fail maksimum: 500 MB", "max_file_size_bytes"),
            ("Maximum file size: 500 MB", "max_file_size_bytes"),
            ("Saiz fail 500 MB", "max_file_size_bytes"),
            ("Had muat naik: 500 MB", "max_file_size_bytes"),
        ],
    )
    def test_a_size_under_another_label_is_not_taken_for_the_agencys_default(self, line, field):
        for text in (f"{line}\n{FORM}", f"{FORM}{line}\n", f"{FORM}\nSekian.\n\n{line}\n"):
            assert (field, "size_elsewhere") in why(form(text))

    @pytest.mark.parametrize(
        "text",
        [
            "Mohon kuota 50GB untuk saya.\n\n" + FORM,
            FORM.replace("kontraktor.", "kontraktor. Kuota 50GB diperlukan."),
            FORM.replace("kontraktor.", "kontraktor, dengan 50 GB storan."),
            FORM.replace("kontraktor.", "kontraktor. Kuota dua puluh gigabait diperlukan."),
        ],
    )
    def test_a_quota_in_a_sentence_is_read_by_a_person(self, text):
        assert why(form(text)) == [("quota_bytes", "size_elsewhere")]

    @pytest.mark.parametrize(
        "justification",
        [
            "Fail melebihi 100 MB, dan kuota e-mel hanya 25 MB.",
            "Peti mel Outlook mempunyai kuota 1 GB.",
            "Menghantar 12 fail bersaiz 1.5 GB setiap satu.",
            "Kuota semasa: 10 GB",
        ],
    )
    def test_the_sizes_of_files_and_mailboxes_are_no_request(self, justification):
        found = form(FORM.replace("Menghantar pelan tapak kepada kontraktor.", justification))
        assert found.request.justification == justification
        assert found.request.quota_bytes is None

    def test_a_line_of_its_own_counts_whatever_else_is_said_of_sizes(self):
        request = form(WHOLE.replace("Kuota: ", "Kuota semasa: 10 GB\nKuota: ")).request
        assert request.quota_bytes == 20 * GB

    @pytest.mark.parametrize(
        "line",
        [
            "Kuota (GB): 20",
            "Kuota (GB): 20 GB",
            "Kuota (jika perlu): 20 GB sahaja",
            "Kuota: maksimum 20 GB,",
            "Kuota: maks 20 GB",
        ],
    )
    def test_hints_beside_a_label_or_a_size(self, line):
        assert (
            form(f"{FORM.replace('Nama:', 'Nama (huruf besar):')}{line}\n").request.quota_bytes
            == 20 * GB
        )

    @pytest.mark.parametrize("dash", ["-", "--", "\N{EN DASH}"])
    def test_a_dash_leaves_the_size_to_the_agency(self, dash):
        assert form(WHOLE.replace("20 GB", dash)).request.quota_bytes is None

    @pytest.mark.parametrize(
        "written",
        [
            "tiada",
            "tiada had",
            "tidak perlu",
            "\N{INFINITY}",
            "?",
            "RM 20",
            "sepuluh GB",
            "10-20 GB",
            "2GB (fail) 20GB (kuota)",
            "bukan 10 GB, 20 GB",
            "+ 20 GB",
            "10 GB kepada 20 GB",
        ],
    )
    def test_what_is_no_one_size_is_asked_about(self, written):
        found = form(WHOLE.replace("20 GB", written))
        assert why(found) == [("quota_bytes", "line_not_understood")]


class TestKinds:
    @pytest.mark.parametrize(
        ("written", "kind"),
        [
            ("[x] Permohonan [ ] Penamatan", "application"),
            ("( / ) Permohonan (   ) Penamatan", "application"),
            ("(   ) Permohonan ( / ) Penamatan", "termination"),
            ("\N{BALLOT BOX} Permohonan \N{BALLOT BOX WITH X} Penamatan", "termination"),
            ("Permohonan [ ] Penamatan [X]", "termination"),
            ("[x] Permohonan / Application [ ] Penamatan / Termination", "application"),
            ("\n[x] Permohonan\n[ ] Penamatan", "application"),
            ("[\N{CHECK MARK}] Permohonan", "application"),
            ("Permohonan.", "application"),
            ("Permohonan baharu", "application"),
            ("Permohonan - Baharu", "application"),
            ("Penamatan perkhidmatan BMT", "termination"),
            ("Termination of service", "termination"),
        ],
    )
    def test_the_kind_that_is_ticked(self, written, kind):
        request = form(WHOLE.replace("Jenis: permohonan", f"Jenis: {written}")).request
        assert request.kind == kind
        assert (request.quota_bytes is None) == (kind == "termination")

    @pytest.mark.parametrize(
        "written",
        [
            "[x] Permohonan [x] Penamatan",
            "[/] Permohonan [x] Penamatan",
            "[ ] Permohonan [ ] Penamatan",
            "[ ] Permohonan",
            "[x] Permohonan Penamatan",
            "[x] bukan Penamatan",
            "bukan penamatan",
            "Permohonan Penamatan",
        ],
    )
    def test_what_is_not_ticked_once_is_asked_about(self, written):
        found = form(WHOLE.replace("Jenis: permohonan", f"Jenis: {written}"))
        assert why(found) == [("kind", "line_not_understood")]

    @pytest.mark.parametrize(
        ("controls", "kind"),
        [
            ("<input type=checkbox> Permohonan <input type=checkbox checked> Penamatan", "termination"),
            ("<input type=radio checked> Permohonan <input type=radio> Penamatan", "application"),
            ("<select><option>Permohonan<option selected>Penamatan</select>", "termination"),
            ("<input value=Permohonan>", "application"),
            ("<input type=checkbox> Permohonan", None),
        ],
    )  # fmt: skip
    def test_the_controls_of_a_page_say_what_they_show(self, controls, kind):
        found = form(html=in_html(WHOLE).replace("permohonan", controls, 1))
        assert (found.request.kind if found.request else None) == kind


class TestPeople:
    @pytest.mark.parametrize(
        ("written", "account"),
        [
            ("siti.mampu@mygovuc.gov.my.", "siti.mampu@mygovuc.gov.my"),
            ("siti.mampu@mygovuc.gov.my,", "siti.mampu@mygovuc.gov.my"),
            ("mailto:siti.mampu@mygovuc.gov.my", "siti.mampu@mygovuc.gov.my"),
            ("SITI.MAMPU@MYGOVUC.GOV.MY", "SITI.MAMPU@MYGOVUC.GOV.MY"),
            ("siti.mampu+bmt@mygovuc.gov.my", "siti.mampu+bmt@mygovuc.gov.my"),
            ("siti@x.gov.my<mailto:Siti%40x.gov.my?subject=BMT>", "siti@x.gov.my"),
            ("tiada", None),
            ("baharu", None),
            ("lupa", None),
            ("test", None),
            ("pending", None),
            ("sama", None),
            ("siti.mampu@", None),
            ("siti.mampu@mygovuc", None),
            ("siti..mampu@mygovuc.gov.my", None),
            ("siti.mampu@mygovuc.gov.mysiti.mampu@mygovuc.gov.my", None),
            ("siti.mampu@mygovuc.gov.my<mailto:ali.mampu@mygovuc.gov.my>", None),
            ("ali.mampu@mygovuc.gov.my <siti.mampu@mygovuc.gov.my>", None),
            ("s\N{CYRILLIC SMALL LETTER BYELORUSSIAN-UKRAINIAN I}ti.mampu@mygovuc.gov.my", None),
        ],
    )
    def test_an_account_is_one_address(self, written, account):
        found = form(WHOLE.replace("Akaun: siti.mampu@mygovuc.gov.my", f"Akaun: {written}"))
        assert (found.request.applicant.account if found.request else None) == account

    @pytest.mark.parametrize(
        "name",
        [
            "Ali@Mohd Ali bin Abu",
            "Lim @ Lam Wei Ling",
            "Ravi a/l Muthu",
            "Abang Ahmad ak Jugah",
            "YBhg. Dato\N{RIGHT SINGLE QUOTATION MARK} Dr. Hj. Ahmad bin Hj. Ali",
            "Ahmad bin Ali, PhD",
            "Siti Aminah binti Ali (800101-14-5566)",
        ],
    )
    def test_a_malaysian_name_is_kept_as_it_is_written(self, name):
        found = form(WHOLE.replace("Siti Aminah binti Ali", name))
        assert found.request.applicant.name == name

    @pytest.mark.parametrize(
        "written",
        [
            "1. Siti binti Ali 2. Ali bin Abu",
            "Siti binti Ali; Ali bin Abu",
            "Siti binti Ali dan Ali bin Abu",
            "Siti binti Ali, Ravi a/l Muthu",
            "Siti Aminah dan Ahmad Zaki",
            "SITI AMINAH DAN AHMAD ZAKI",
            "Siti Aminah & Ahmad Zaki",
            "Siti Aminah / Ahmad Zaki",
            "Siti Aminah dan 3 lagi",
            "Siti Aminah bagi pihak Ahmad bin Abu",
            "Siti Aminah (on behalf of Ahmad bin Abu)",
            "b.p. Ahmad bin Abu",
            "Siti (wakil Ahmad bin Abu)",
            "p.p. Ahmad bin Abu",
            "Semua pegawai Unit ICT",
            "Kumpulan Projek Jambatan",
            "Unit ICT (5 orang)",
            "Pengarah Bahagian ICT",
            "Tetuan ABC Sdn Bhd",
            "Ali bin Abu + Siti",
            "saya sendiri",
            "Tengku Ali Shah & Rakan",
            "seperti lampiran",
            "Rujuk senarai dilampirkan",
            "0123456789",
            "800101-14-5566",
            "Ali bin Abu/Siti binti Omar",
            "nama saya",
            "Xxxx",
            "ABC",
            "Admin",
            "Test",
            "Pemangku Ketua Unit",
            "Juruteknik Komputer FT19",
            "Kaunter Utama",
            "Meja Bantuan ICT",
            "tiada",
            "seperti di atas",
        ],
    )
    def test_several_people_or_none_are_asked_about(self, written):
        found = form(WHOLE.replace("Siti Aminah binti Ali", written))
        assert why(found) == [("name", "line_not_understood")]

    @pytest.mark.parametrize(
        "name", ["Lee Dan Feng", "Wong Mei Ling @ Nur Aisyah binti Abdullah", "RAVI A / L MUTHU"]
    )
    def test_one_person_may_have_such_a_name(self, name):
        assert form(WHOLE.replace("Siti Aminah binti Ali", name)).request.applicant.name == name

    @pytest.mark.parametrize(
        ("line", "field"),
        [
            ("Nama pemohon: Ahmad bin Zaki", "name"),
            ("2. Nama Penuh Pemohon : Ahmad bin Zaki", "name"),
            ("Applicant's name: Ahmad bin Zaki", "name"),
            ("Akaun pemohon: ahmad.mampu@mygovuc.gov.my", "account"),
            ("Alamat e-mel pemohon: ahmad.mampu@mygovuc.gov.my", "email"),
        ],
    )
    def test_the_applicant_is_somebody_else_in_another_line(self, line, field):
        for text in (f"{line}\n{WHOLE}", f"{FORM}{line}\n", f"{WHOLE}\nSekian.\n\n{line}\n"):
            assert why(form(text)) == [(field, "line_twice")]

    @pytest.mark.parametrize(
        "line",
        [
            "Nama penuh: SITI AMINAH  binti Ali",
            "Nama pegawai pelulus: Dato' Ahmad bin Zaki",
            "Nama projek: Lebuh raya",
            "E-mel penyelia: ahmad.mampu@mygovuc.gov.my",
        ],
    )
    def test_the_same_applicant_or_somebody_who_does_not_apply(self, line):
        assert form(f"{line}\n{WHOLE}").request.applicant.name == "Siti Aminah binti Ali"

    @pytest.mark.parametrize("written", ["Jos=C3=A9 bin Ali", "Jos%C3%A9"])
    def test_letters_that_some_program_left_in_code_are_asked_about(self, written):
        found = form(WHOLE.replace("Siti Aminah binti Ali", written))
        assert why(found) == [("name", "line_uncertain")]

    @pytest.mark.parametrize(
        "written",
        [
            "tiada",
            "-",
            "[nyatakan sebab]",
            "(sila isi)",
            "N/A",
            "test",
            "Testing 123",
            "ujian",
            "asdf",
            "seperti lampiran",
            "rujuk surat",
            "lihat lampiran",
            "Sila rujuk memo yang dilampirkan.",
            "abc",
            "TBC",
            "akan dimaklumkan kemudian",
            "kerja?",
            "1",
            "Justifikasi",
            "Contoh: menghantar fail besar",
            "lorem ipsum dolor sit amet",
        ],
    )
    def test_a_justification_that_says_nothing_is_asked_for(self, written):
        found = form(WHOLE.replace("Menghantar pelan tapak kepada kontraktor.", written))
        assert [field for field, _ in why(found)] == ["justification"]

    @pytest.mark.parametrize(
        ("written", "agency"),
        [
            ("Jabatan Perkhidmatan Awam (JPA)", "JPA"),
            ("JPA (Jabatan Perkhidmatan Awam)", "JPA"),
            ("MAMPU.", "MAMPU"),
            ("JPA (dahulu MAMPU)", None),
            ("JPA (MAMPU)", None),
            ("MAMPU / JPA", None),
        ],
    )
    def test_an_agency_by_its_name_and_its_code(self, written, agency):
        found = form(WHOLE.replace("MAMPU", written))
        assert (found.request.agency if found.request else None) == agency

    @pytest.mark.parametrize(
        ("label", "other"),
        [("Nama:", "Nama penuh:"), ("Akaun:", "Akaun 1GovUC:"), ("E-mel:", "Alamat e-mel:")],
    )
    def test_a_longer_label_counts_where_it_is_alone_and_above_the_closing(self, label, other):
        assert form(WHOLE.replace(label, other)).request == form(WHOLE).request
        (line,) = (line for line in WHOLE.splitlines(keepends=True) if line.startswith(label))
        below = WHOLE.replace(line, "") + "\nSekian.\n" + line.replace(label, other)
        assert [code for _, code in why(form(below))] == ["line_missing"]


class TestWordsBesideTheForm:
    @pytest.mark.parametrize(
        "words",
        [
            "Maaf, sepatutnya 5GB.",
            "Sila guna yang ini, borang tadi salah.",
            "Sila ubah kuota kepada 50 GB.",
            "Bukan 20 GB tetapi 30 GB.",
            "I'd rather have 50 GB.",
            "Tolong buat 30GB ye.",
            "5 GB pun cukup.",
            "Bos kata tak payah.",
            "Xjadi.",
            "Jgn proses lagi.",
            "Harap tidak diproses.",
            "We decided not to proceed.",
            "Lupakan sahaja.",
            "Saya belum pasti sama ada perlu atau tidak.",
            "Let me check with my boss first.",
            "Minta tolong tengok dulu, ok ke tak.",
            "Menunggu kelulusan Pengarah.",
            "KIV dahulu.",
            "Betul ke cara saya isi ni?",
            "Siapa yang perlu meluluskan?",
            "Can I get 50 GB instead?",
            "Saya ingin tahu kos perkhidmatan ini.",
            "Ini hanya simulasi untuk latihan.",
            "For training purposes only.",
            "Akaun di bawah bukan akaun saya.",
            "Saya syak e-mel ini bukan daripada Siti.",
            "Pemohon telah berhenti kerja.",
            "I have moved to JPA.",
            "Mohon sambung tempoh perkhidmatan sedia ada.",
            "Please transfer the service from Ali to me.",
            "Sila tukar nama kepada Ahmad bin Abu.",
            "Permohonan ini untuk saya dan Ali.",
            "Dilampirkan senarai 20 pegawai.",
            "Hanya untuk bulan Disember.",
            "Until further notice.",
            "Minta tarik semula permohonan.",
            "This was sent in error.",
            "Also add my colleague Ali.",
            "Sila abaikan permohonan terdahulu.",
            "Sila batalkan permohonan di bawah.",
            "Saya tidak jadi memohon; borang di bawah tidak perlu diproses.",
            "Berikut ialah contoh borang yang telah diisi:",
            "Please cancel the request below, it was sent by mistake.",
            "Please disregard my previous e-mail.",
            "DRAF - jangan proses lagi",
            "Untuk makluman sahaja, tiada tindakan diperlukan.",
            "Ini pembetulan kepada borang semalam.",
            "Adakah borang di bawah sudah betul? Jika betul saya akan hantar.",
            "Tunggu dahulu, saya akan sahkan kuota esok.",
            "Please hold this until my director confirms.",
            "Jika kuota e-mel saya masih ada, permohonan ini tidak diperlukan.",
            "Ketua jabatan belum meluluskan.",
            "Tertakluk kepada kelulusan ketua saya.",
            "Subject to my head's approval.",
            "Sekadar mencuba sistem.",
            "Boleh ke saya mohon BMT? Berapa lama prosesnya?",
            "How long does it take?",
            "Ujian sahaja.",
            "This is a test.",
            "FYI",
            "Nama saya tersilap dalam permohonan semalam. Yang betul:",
            "Ketua saya tidak bersetuju dengan permohonan ini.",
            "Mohon ditolak kerana tidak lengkap.",
            "Mohon kelulusan bagi 3 orang pegawai. Butiran yang pertama:",
            "Berikut satu daripada dua permohonan.",
            "Senarai pegawai dilampirkan.",
            "Sama untuk Ahmad bin Abu (ahmad.mampu@mygovuc.gov.my).",
            "Perkhidmatan diperlukan sehingga 15 Januari 2027 sahaja.",
            "Tarikh mula: 1hb Disember",
            "Tempoh: 3 bulan",
            "Berkuat kuasa hujung bulan ini.",
            "Effective 1/12/2026, please.",
            "Kindly void this application.",
            "Borang ini terbatal.",
            "X jadi mohon la.",
            "Sila buang borang ini daripada rekod.",
            "Versi kemas kini borang saya.",
            "Resubmission: corrected form.",
            "Borang yang dihantar semula setelah dibetulkan.",
            "Revised form as below.",
            "Mohon pencerahan sama ada saya layak.",
            "Minta penjelasan tentang kuota yang dibenarkan.",
            "Mohon pandangan tuan mengenai kuota yang sesuai.",
            "Mohon nasihat tuan berkenaan saiz yang sesuai.",
            "Please advise on the appropriate quota.",
            "Perlukah saya mengisi semula borang ini",
            "Dipanjangkan untuk pengetahuan tuan.",
            "Mohon ulasan tuan sebelum dihantar.",
            "Untuk semakan dan pengesahan tuan terlebih dahulu.",
            "Untuk tandatangan Dato' dahulu.",
            "sy x jd mohon",
            "tgk dulu ok ke x",
            "sy dh x keje kt mampu",
            "utk sy n kwn sy, ali",
            "tlg tukar nama ke ahmad",
            "nnti sy confirm balik",
            "xperlu dah bmt ni",
            "sbb dah pindah jbtn, sy x guna lg",
            "blm dpt kelulusan bos lg",
            "saja test je",
            "تاريق باليق ڤرموهونن اين",
            "Tandatangan dan borang untuk kawan saya Ahmad; akaun saya digunakan.",
            "Aktifkan pada 5 Jan 2027.",
            "Turut dipohon untuk Encik Ahmad.",
            "Begitu juga dengan Puan Rohani.",
            "Sekali dengan Ahmad ye.",
            "Kuota dikongsi bersama Ahmad.",
            "Sila aktifkan sebelum projek bermula dan matikan selepas itu.",
            "Sila padam permohonan saya.",
            "Kuota terpulang kepada tuan.",
            "Ikut mana yang sesuai.",
            "Kuota ikut budi bicara tuan.",
            "Ni utk bos sy.",
            "Borang ni utk bini sy.",
            "Proses selepas raya.",
            "Boleh proses minggu depan.",
            "Saya dah hantar borang sama minggu lepas.",
            "Ini borang kali kedua saya hantar, yang pertama tiada jawapan.",
            "Apa status permohonan saya",
            "Kenapa lambat sangat",
            "Sekarang saya di KPM.",
            "Permohonan ditahan sementara.",
            "Nak buat percubaan dulu.",
            "Same request as last month.",
            "I filled this in for practice.",
            "Someone else used my name.",
            "Remove my colleague and use my name instead.",
        ],
    )
    def test_what_is_taken_back_shown_or_asked_about_is_not_registered(self, words):
        for text in (f"{words}\n\n{WHOLE}", f"{WHOLE}\n{words}\n", f"{WHOLE}\nSekian.\n\n{words}"):
            assert why(form(text)) == [("message", "words_beside_form")]

    @pytest.mark.parametrize(
        "subject",
        [
            "Test email",
            "Pertanyaan",
            "Penarikan balik permohonan",
            "Read: Permohonan BMT",
            "BATAL: Permohonan BMT",
            "Permohonan BMT - sila abaikan",
            "Pembatalan permohonan BMT",
            "Permohonan pertambahan kuota BMT",
            "Penukaran e-mel BMT",
            "Pengaktifan semula BMT",
            "Pelanjutan tempoh BMT",
            "Pertukaran pemilik BMT",
            "Tambah kuota BMT",
            "Accepted: Taklimat BMT",
            "Diterima: Mesyuarat BMT",
            "Jemputan: Taklimat BMT",
            "Invitation: Taklimat BMT",
            "Undelivered Mail Returned to Sender",
            "Tentative: BMT",
        ],
    )
    def test_the_subject_takes_it_back(self, subject):
        assert why(form(WHOLE, subject)) == [("message", "words_beside_form")]

    @pytest.mark.parametrize(
        "justification",
        [
            "Pegawai telah bersara. Mohon tamatkan perkhidmatan BMT beliau.",
            "Tidak perlu lagi BMT kerana bertukar ke agensi lain.",
            "Please terminate this service.",
        ],
    )
    def test_an_application_whose_justification_ends_the_service(self, justification):
        found = form(WHOLE.replace("Menghantar pelan tapak kepada kontraktor.", justification))
        assert why(found) == [("kind", "line_contradicted")]

    @pytest.mark.parametrize(
        "justification",
        [
            "Menghantar dokumen penamatan kontrak kepada firma guaman.",
            "Supaya pejabat tidak perlu menggunakan akaun Google Drive.",
            "Kami tidak memerlukan perkhidmatan kurier lagi.",
            "Perkhidmatan FTP lama telah ditamatkan. Projek tamat pada 31 Disember 2027.",
            "Menghantar laporan kepada 3 orang pegawai dan juga untuk Ali.",
        ],
    )
    def test_a_justification_may_speak_of_other_ends(self, justification):
        found = form(FORM.replace("Menghantar pelan tapak kepada kontraktor.", justification))
        assert found.request.justification == justification

    @pytest.mark.parametrize(
        ("subject", "words", "justification"),
        [
            ("BMT", "Sila jangan tamatkan perkhidmatan saya.", "Projek."),
            ("BMT", "", "Bukan penamatan sebenarnya, hanya mahu tambah kuota."),
            ("BMT", "", "Saya tidak mahu perkhidmatan ditamatkan."),
            ("Permohonan baharu perkhidmatan BMT", "", "Projek."),
            ("BMT", "Saya ingin memohon perkhidmatan BMT untuk fail besar.", "Projek."),
            ("BMT", "I am applying for the service.", "Project."),
        ],
    )
    def test_a_termination_that_ends_nothing(self, subject, words, justification):
        text = FORM.replace("permohonan", "penamatan")
        text = text.replace("Menghantar pelan tapak kepada kontraktor.", justification)
        assert why(form(f"{words}\n\n{text}", subject)) == [("kind", "line_contradicted")]

    def test_a_day_for_the_end_is_in_the_justification_or_read_by_a_person(self):
        text = FORM.replace("permohonan", "penamatan")
        found = form(text.replace("Menghantar", "Bersara pada 31 Disember 2026. Menghantar"), "BMT")
        assert found.request.kind == "termination"
        for when in (
            "Mohon ditamatkan mulai 1hb Disember.",
            "Pegawai akan bersara, mohon penamatan dibuat pada hari terakhir beliau.",
            "Sila tamatkan hanya selepas serahan tugas.",
            "Mohon ditamatkan apabila pengganti dilantik.",
        ):
            assert why(form(f"{when}\n\n{text}", "BMT")) == [("message", "words_beside_form")]

    @pytest.mark.parametrize(
        ("kind", "justification"),
        [
            ("permohonan", "Mohon tambahan kuota daripada 10 GB kepada 20 GB."),
            ("permohonan", "Nak naikkan kuota sedia ada."),
            ("permohonan", "Kuota sedia ada tidak mencukupi, mohon tambah."),
            ("permohonan", "Mohon lanjutan tempoh BMT."),
            ("permohonan", "Menukar akaun lama kepada akaun baharu."),
            ("permohonan", "Pegawai telah bersara, sila tutup."),
            ("permohonan", "Mohon kurangkan kuota saya."),
            ("permohonan", "Pindah milik daripada Puan Aminah."),
            ("penamatan", "Mohon tambah kuota kepada 50 GB."),
            ("penamatan", "Nak tukar kuota sahaja."),
            ("penamatan", "Gantung sementara sahaja semasa cuti belajar."),
            ("penamatan", "Mohon digantung sementara."),
            ("penamatan", "Tangguh dahulu."),
            ("penamatan", "Serah akaun kepada pengganti Ahmad."),
            ("penamatan", "Pindahkan kuota kepada Ahmad."),
            ("penamatan", "Untuk disambung semula selepas cuti."),
            ("penamatan", "Tukar pemilik akaun kepada Ahmad bin Abu."),
        ],
    )
    def test_a_justification_that_asks_to_change_what_there_is(self, kind, justification):
        text = FORM.replace("permohonan", kind)
        found = form(text.replace("Menghantar pelan tapak kepada kontraktor.", justification), "")
        assert ("kind", "line_contradicted") in why(found)

    def test_a_second_applicant_in_the_justification(self):
        text = FORM + "Mohon juga untuk Ahmad, akaun ahmad.mampu@mygovuc.gov.my.\n"
        assert why(form(text)) == [("message", "words_beside_form")]

    @pytest.mark.parametrize(
        "words",
        [
            "Hentikan perkhidmatan BMT saya.",
            "Sila tutup akaun BMT ini.",
            "Mohon nyahaktifkan BMT beliau.",
            "Please deactivate BMT for the officer below.",
            "Please close my account.",
        ],
    )
    def test_an_application_that_ends_the_service_in_other_words(self, words):
        meant = FORM.replace("Menghantar pelan tapak kepada kontraktor.", words)
        for text, subject in ((WHOLE, words), (f"{words}\n\n{WHOLE}", "BMT"), (meant, "BMT")):
            assert why(form(text, subject)) == [("kind", "line_contradicted")]

    @pytest.mark.parametrize(
        "words",
        [
            "Sila aktifkan BMT untuk projek jambatan.",
            "Saya masih memerlukan perkhidmatan ini.",
            "Mohon perkhidmatan diteruskan.",
            "I still need this service.",
            "Please keep my account.",
        ],
    )
    def test_a_termination_of_what_is_still_needed(self, words):
        text = FORM.replace("permohonan", "penamatan")
        meant = text.replace("Menghantar pelan tapak kepada kontraktor.", words)
        for each in (f"{words}\n\n{text}", meant):
            assert why(form(each, "BMT")) == [("kind", "line_contradicted")]

    @pytest.mark.parametrize(
        "words",
        [
            "Pegawai telah bersara, tetapi akaun masih aktif.",
            "Perkhidmatan tidak diteruskan selepas projek.",
            "Sila teruskan proses penamatan.",
            "Mohon perkhidmatan BMT beliau ditamatkan.",
        ],
    )
    def test_a_termination_that_is_one(self, words):
        text = FORM.replace("permohonan", "penamatan")
        meant = text.replace("Menghantar pelan tapak kepada kontraktor.", words)
        for each in (f"{words}\n\n{text}", meant):
            assert form(each, "BMT").request.kind == "termination"

    @pytest.mark.parametrize("subject", ["Penamatan perkhidmatan BMT", "BMT termination"])
    def test_an_application_whose_subject_is_a_termination(self, subject):
        assert why(form(WHOLE, subject)) == [("kind", "line_contradicted")]

    def test_a_justification_that_takes_back_a_request(self):
        text = FORM + "\nP/S: Saya ingin menarik balik permohonan ini.\n"
        assert why(form(text)) == [("message", "words_beside_form")]

    @pytest.mark.parametrize(
        "words",
        [
            "Dengan hormatnya saya memohon perkhidmatan BMT seperti maklumat berikut:",
            "Merujuk e-mel saya sebelum ini, berikut maklumat yang diperlukan:",
            "BORANG PERMOHONAN / PENAMATAN PERKHIDMATAN BMT",
            "Apa khabar, tuan? Bagi pihak pegawai berikut:",
            "[EXTERNAL EMAIL] DO NOT CLICK links unless you recognize the sender.",
            "Permohonan ini telah disokong oleh Ketua Jabatan.",
            "Jika anda bukan penerima yang dimaksudkan, sila abaikan e-mel ini.",
            "If you are not the intended recipient, please disregard and delete this message.",
            "NOTIS PENAFIAN: E-mel ini sulit; sila abaikan mesej ini jika tersilap hantar.",
            "Sekian, untuk makluman dan tindakan tuan.",
            "BMT membolehkan lampiran sehingga 2.5 GB dihantar.",
            "Fail sehingga 2000 MB. Tarikh: 30 November 2026",
            "Atas perhatian dan tolak ansur tuan, terima kasih.",
            "Waktu pejabat: Isnin hingga Jumaat, 8.00 pagi - 5.00 petang.",
            "Pegawai Teknologi Maklumat\nGred 41\nPegawai Unit 3",
            "Ketua Jabatan: disokong / tidak disokong",
            "Diharap dapat diproses sebelum 5 Disember 2026.",
            "We are a team from the Marketing unit.",
            "Menunggu maklum balas tuan.",
            "Boleh tuan proses permohonan di bawah? Terima kasih.",
            "Could you please process my application?",
            "Perlu bantuan? Layari https://x.my/?a=bila&b=boleh saya",
            "Akaun e-mel saya tidak ditutup, hanya terhad.",
            "Saya mengaku maklumat di atas adalah benar. Jika didapati palsu, permohonan ini boleh dibatalkan.",
            "Saya bersetuju perkhidmatan ini ditamatkan sekiranya saya bertukar atau bersara.",
            "I declare that the above is true. The service may be terminated if it is misused.",
            "Sekiranya terdapat maklumat yang tidak lengkap, sila hubungi saya.",
            "Sila abaikan e-mel ini sekiranya tindakan telah diambil.",
            "E-mel biasa tidak dapat menghantar fail melebihi 25 MB.",
            "Jangan kongsi kata laluan anda. Jangan cetak e-mel ini melainkan perlu.",
            "Saya menggantikan Puan Aminah yang telah bersara.",
            "Salah seorang pegawai tuan meminta saya menghantar e-mel ini.",
            "Bolehkah tuan mendaftarkan saya untuk perkhidmatan ini?",
            "Pegawai Unit Penamatan Akaun",
            "Bahagian Latihan dan Pembangunan",
            "Please print only if necessary. Talian aduan: 03-8000 8000",
            "This e-mail is intended only for the addressee. If received in error, please delete it.",
            "Notis: Kandungan e-mel ini adalah terperingkat. Sebarang salinan tanpa kebenaran adalah dilarang.",
            "Pandangan dalam e-mel ini tidak semestinya mewakili Kementerian.",
            "Projek ini bermula 1 Januari 2026.",
            "Borang ini dijana komputer, tandatangan tidak diperlukan.",
            "Ini adalah cetakan komputer dan tidak memerlukan tandatangan.",
            "Tarikh akhir projek: 31 Mac 2027",
        ],
    )
    def test_what_offices_write_around_every_form(self, words):
        for text in (f"{words}\n\n{WHOLE}", f"{WHOLE}\n{words}\n"):
            assert form(text).request is not None

    @pytest.mark.parametrize(
        ("words", "subject"),
        [
            ("Saya tidak lagi memerlukan perkhidmatan ini.", "Permohonan penamatan BMT"),
            ("Mohon batalkan perkhidmatan BMT saya.", "Pembatalan perkhidmatan BMT"),
        ],
    )
    def test_a_termination_may_be_asked_for_in_such_words(self, words, subject):
        text = f"{words}\n\n{FORM.replace('permohonan', 'penamatan')}"
        assert form(text, subject).request.kind == "termination"


class TestLines:
    @pytest.mark.parametrize("bullet", ["▪ ", "➢ ", "\uf0a7\t", "o\t", "• ", "a) ", "ii. "])
    def test_the_bullets_of_word_processors(self, bullet):
        text = "".join(f"{bullet}{line}\n" for line in WHOLE.splitlines())
        assert form(text).request.quota_bytes == 20 * GB

    @pytest.mark.parametrize("ends", ["\v", "\x0c", "\x85", "\u2028", "\u2029", "\r"])
    def test_the_line_breaks_of_word_processors(self, ends):
        assert labelled(WHOLE.replace("\n", ends)).values == labelled(WHOLE).values

    @pytest.mark.parametrize(
        ("label", "written"),
        [
            ("utf-16", "utf-8"),
            ("utf-16", "utf-16-be"),
            ("utf-16be", "utf-16-le"),
            ("utf-32", "utf-8"),
        ],
    )
    def test_a_label_of_another_unicode_encoding(self, label, written):
        text = WHOLE.replace("Siti", "José")
        assert decoded(text.encode(written), label).text == text

    def test_a_dash_in_a_table_leaves_a_size_out_of_the_justification(self):
        rows = (line.split(": ") for line in FORM.splitlines())
        table = "".join(
            f"<tr><td>{name}<td>{value}</tr>" for name, value in [*rows, ("Kuota", "-")]
        )
        request = form(html=f"<table>{table}</table>").request
        assert request.justification == "Menghantar pelan tapak kepada kontraktor."
        assert request.quota_bytes is None

    def test_a_colon_and_a_dash(self):
        assert form(WHOLE.replace(": ", " :- ")).request.quota_bytes == 20 * GB

    @pytest.mark.parametrize("kind", ["octet-stream", "x-unknown"])
    def test_a_text_file_that_is_not_called_one(self, kind):
        made = EmailMessage()
        made.set_content("Dilampirkan borang.")
        made.add_attachment(
            WHOLE.encode(), maintype="application", subtype=kind, filename="BORANG.TXT"
        )
        found = open_mail(bytes(made), CODES).form
        assert (found.request is not None) == (kind == "octet-stream")
        if found.request is None:
            assert why(found) == [("message", "form_may_be_attached")]

    @pytest.mark.parametrize(
        ("subject", "code"),
        [
            ("Balas automatik: Permohonan BMT", "absence"),
            ("Luar Pejabat: Permohonan BMT", "absence"),
            ("Tidak hadir di pejabat: Permohonan BMT", "absence"),
            ("Automatik: Permohonan BMT", "absence"),
            ("Saya bercuti: BMT", "absence"),
            ("Autobalas: Permohonan BMT", "absence"),
            ("Panggil balik: Permohonan BMT", "words_beside_form"),
        ],
    )
    def test_what_a_mail_program_says_in_the_subject(self, subject, code):
        assert why(form(WHOLE, subject)) == [("message", code)]


class TestAnswers:
    @pytest.mark.parametrize(
        "above",
        [
            "---- On Mon, 30 Nov 2026 10:00:00 +0800 Siti <siti@x.my> wrote ----",
            "---- Pada Isn, 30 Nov 2026 10:00:00 +0800 Siti <siti@x.my> menulis ----",
            "---- Replied Message ----\n| From | Siti<siti@x.my> |\n| Date | 11/30/2026 10:00 |",
            "Siti Aminah/MAMPU/GOV\n30/11/2026 10:00 AM\n\nTo\nbmt@x.my\ncc\n\nSubject\nBMT\n",
            "##- Please type your reply above this line -##",
            "##- Sila taip balasan anda di atas baris ini -##",
            "## In replies all text above this line is added to the ticket ##",
        ],
    )
    def test_a_form_below_what_is_answered_is_somebody_elses(self, above):
        found = form(f"Terima kasih.\n\n{above}\n\n{WHOLE}", "Re: Permohonan BMT", answers=True)
        assert why(found) == [("message", "form_quoted")]

    @pytest.mark.parametrize(
        "words",
        ["Mohon status permohonan saya di bawah.", "Saya menyokong permohonan ini.", "Bila siap?"],
    )
    def test_an_answer_that_speaks_of_a_form_without_a_sign_of_quoting(self, words):
        found = form(f"{words}\n\n{WHOLE}", "Re: Permohonan BMT", answers=True)
        assert why(found) == [("message", "words_beside_form")]

    @pytest.mark.parametrize(
        ("subject", "above"),
        [
            ("Re: [BMT-MAMPU-2026-7K3QF9ZT] Status permohonan BMT: dikembalikan", ""),
            ("Permohonan BMT", "Merujuk permohonan BMT-MAMPU-2026-7K3QF9ZT.\n\n"),
        ],
    )
    def test_a_form_that_names_a_request_may_be_its_correction(self, subject, above):
        found = form(above + WHOLE, subject, answers=subject.startswith("Re"))
        assert why(found) == [("message", "names_a_request")]

    def test_a_termination_names_the_request_that_gave_the_service(self):
        text = FORM.replace("permohonan", "penamatan")
        text = text.replace("Menghantar pelan", "Rujukan BMT-MAMPU-2026-7K3QF9ZT. Tiada lagi pelan")
        assert form(text, "Penamatan BMT").request.kind == "termination"
        assert why(form(text, "Re: Makluman", answers=True)) == [("message", "names_a_request")]

    def test_the_blank_form_that_was_asked_for_comes_back_filled_in(self):
        found = form(f"Berikut borang yang telah diisi.\n\n{WHOLE}", "Re: Borang", answers=True)
        assert found.request is not None


class TestInbox:
    @pytest.mark.parametrize(
        ("missing", "malay", "english"),
        [
            (
                [Missing.of("quota_bytes", "size_above_maximum", maximum_bytes=100 * GB)],
                "Kuota: Paling banyak 100 GB boleh diberikan.",
                "Quota: At most 100 GB can be granted.",
            ),
            (
                [Missing.of("kind", "line_missing", label="Jenis / kind")],
                "Tiada baris Jenis.",
                "There is no line Kind.",
            ),
            (
                [
                    Missing.of("channel", "channel_in_not_allowed", channels=("form",)),
                    Missing.of("account", "account_of_other_agency"),
                ],
                "Ini tiada, tidak jelas, atau tidak dibenarkan: Saluran, Akaun.",
                "These are missing, not clear, or not allowed: Channel, Account.",
            ),
            (
                [
                    Missing.of("account", "account_of_other_agency"),
                    Missing.of("agency", "for_other_agency"),
                ],
                "Ini untuk agensi lain: majukan ke sana.",
                "It is another agency's: forward it there.",
            ),
        ],
    )
    def test_why_it_waits_is_one_sentence_in_each_language(self, missing, malay, english):
        item = SimpleNamespace(status="waiting", missing=missing)
        assert why_it_waits(item, "ms") == malay
        assert why_it_waits(item, "en") == english

    @pytest.mark.parametrize(
        ("written", "kind"),
        [
            ("Penamatan akaun BMT", "termination"),
            ("[ ] Permohonan [x] Penamatan", "termination"),
            ("[x] Permohonan [ ] Penamatan", "application"),
            ("bukan penamatan", None),
            ("permohonan / penamatan", None),
            ("[ ] Penamatan", None),
            ("pertanyaan", None),
            ("", None),
        ],
    )
    def test_the_kind_that_is_proposed_is_one_that_it_names(self, written, kind):
        assert proposed_kind(written) == kind


class TestPages:
    @pytest.mark.parametrize(
        "shown",
        [
            "20<sup>2</sup> GB",
            '<bdo dir="rtl">12 GB</bdo>',
            '<span style="unicode-bidi:bidi-override;direction:rtl">02</span> GB',
        ],
    )
    def test_what_looks_otherwise_than_it_is_written_is_no_size(self, shown):
        found = form(html=in_html(WHOLE).replace("20 GB", shown))
        assert why(found) == [("quota_bytes", "line_not_understood")]

    def test_a_raised_sign_of_a_needed_field_and_a_square_metre(self):
        html = (
            in_html(WHOLE)
            .replace("Kuota", "Kuota<sup>*</sup>")
            .replace("tapak", "120 m<sup>2</sup>")
        )
        request = form(html=html).request
        assert request.justification == "Menghantar pelan 120 m^2 kepada kontraktor."
        assert request.quota_bytes == 20 * GB
