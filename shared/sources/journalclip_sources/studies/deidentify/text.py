"""Removes persons from report text: words from the headers, and what looks like a name, number, date or place.

Each removed part is replaced by its kind in brackets (``[NAME]``), so that a reader sees the gap. Measures are replaced
by placeholders first and restored last, so no rule can remove them. A name from a name field is removed from the whole
text. In a report that is not German, a capitalised word that is not in the vocabulary of reports is a name. A common
word that may be a name (White, May) is removed only where a name is expected.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable

from journalclip_sources.studies.deidentify import chinese
from journalclip_sources.studies.deidentify.words import NAMESAKES, is_known, starts_sentence_as_word

_MONTHS = (
    r"(?:[Jj]an(?:uary?|vier|\.)?|JAN(?:UARY)?|[Ff]eb(?:ruary|\.)?|FEB(?:RUARY)?|[Mm]ar(?:ch|\.)|Mar|MAR(?:CH)?|"
    r"[Aa]pr(?:il|\.)?|APR(?:IL)?|May|MAY|[Jj]une?|JUNE?|"
    r"[Jj]uly?|JULY?|[Aa]ug(?:ust|\.)?|AUG(?:UST)?|[Ss]ept?(?:ember|\.)|Sept?|SEPT?(?:EMBER)?|[Oo]ct(?:ober|\.)|Oct|"
    r"OCT(?:OBER)?|[Nn]ov(?:ember|\.)|Nov|NOV(?:EMBER)?|[Dd]ec(?:ember|\.)|Dec|DEC(?:EMBER)?|"
    r"[Ff][ée]vrier|[Mm]ars|[Aa]vril|[Mm]ai|[Jj]uin|[Jj]uillet|[Aa]o[ûu]t|[Ss]eptembre|[Oo]ctobre|[Nn]ovembre|"
    r"[Dd][ée]cembre|"
    r"[Jj]anuari?|[Jj]änner|[Ff]ebruari?|[Mm]ärz|[Mm]aart|[Mm]ei|[Jj]un[io]|[Jj]ul[io]|[Aa]ugustus|[Oo]ktober|"
    r"[Dd]ezember|"
    r"[Ee]nero|[Ff]ebrero|[Mm]arzo|[Aa]bril|[Mm]ayo|[Jj]unio|[Jj]ulio|[Aa]gosto|[Ss]eptiembre|[Oo]ctubre|"
    r"[Nn]oviembre|[Dd]iciembre|"
    r"[Gg]ennaio|[Ff]ebbraio|[Aa]prile|[Mm]aggio|[Gg]iugno|[Ll]uglio|[Ss]ettembre|[Oo]ttobre|[Dd]icembre|"
    r"[Jj]aneiro|[Ff]evereiro|[Mm]arço|[Mm]aio|[Jj]unho|[Jj]ulho|[Ss]etembro|[Oo]utubro|[Nn]ovembro|[Dd]ezembro|"
    r"stycznia|lutego|marca|kwietnia|maja|czerwca|lipca|sierpnia|września|października|listopada|grudnia|"
    r"января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря)"
)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_YEAR = r"(?:(?:19|20)\d{2}|['’]\d{2})"
_DAY_WORDS = (
    r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth|fourteenth|"
    r"fifteenth|sixteenth|seventeenth|"
    r"eighteenth|nineteenth|twentieth|thirtieth|(?:twenty|thirty)[- ](?:first|second|third|fourth|fifth|sixth|"
    r"seventh|eighth|ninth))"
)
_UNIT = (
    r"(?:mm\s?[23²³]?|cm\s?[23²³]?|m[lL]|cc|µ?l|%|percent|per cent|ms(?:ec)?|sec(?:onds?)?|s/mm2|s/mm²|mm2/s|mm²/s|"
    r"Hz|kHz|T(?!\d)|[Tt]esla|degrees?|°|HU|ppm|"
    r"fold|times|slices?|images?|lesions?|foci|weeks?|days?|months?|minutes?|hours?|mg|kg|mmol|毫米|厘米|毫升|"
    r"立方厘米|秒|天|周|个|"
    r"枚|次|层|小时|月余|年余|мм|см|мл)"
)
_MEASURES = re.compile(
    rf"(?<![\w.])[<>≤≥~≈]?\s?\d+(?:[.,]\d+)?(?:\s?(?:mm|cm)?\s?(?:[x×*X/–-]|by|to|and|bis|à|"
    rf"a)\s?\d+(?:[.,]\d+)?){{0,3}}\s?-?\s?{_UNIT}(?![a-zà-ÿ])"
    r"|\b[bB]\s?[=-]?\s?(?:values?\s?(?:of\s)?)?\d{1,5}(?:\s?[,/]\s?(?:[bB]\s?=?\s?)?\d{1,5})*\b"
    r"|\b(?:TE|TR|TI|FA|TE/TR|TR/TE)\s?[=:]?\s?\d+(?:[./]\d+)*"
    r"|\b\d{1,2}(?:\.\d+)?\s?(?:x|×)\s?\d+(?:\.\d+)?(?:\s?(?:x|×)\s?\d+(?:\.\d+)?)?\b"
    r"|\bratio(?: of)?\s(?:is\s)?\d+(?:[.,]\d+)?(?:\s?[/:]\s?\d+)?|\b(?:grade|stage|score|fazekas|series|image|img|"
    r"slice|im|se|figure|fig)s?\.?\s(?:of\s)?\d{1,3}(?:\s?[/-]\s?\d{1,3})?\b"
    r"|\bT[12](?:[/ -]T2)?\b|\bT[12]\*|\bC\d(?:[-/]C?\d)?\b|\b[TLS]\d{1,2}-[TLS]?\d{1,2}\b",
)  # fmt: skip
_TITLES = (
    r"(?:Drs?|DR|Prof|PROF|Professor|Doctor|Mr|MR|Mrs|MRS|Ms|MS|Miss|Mme|M|Sr|Sra|Sig|Dott|Herrn?|Frau|Sir|"
    r"Nurse|Sister|Pani?|Dhr|Mevr)"
)
_PARTICLES = (
    r"(?:van|von|der|den|de|del|della|di|da|das|dos|du|la|le|el|al|bin|ibn|ben|ter|ten|zu|zum|af|av|y|e|st|St|ap|abu)"
)
_CAP = (
    r"(?:(?:[A-ZÀ-ÞŁŚŻĆŃ]['’]|Mc|Mac|al-|Al-|[A-ZÀ-Þ]\.[ "
    r"]?(?=[A-ZÀ-Þ]))*[A-ZÀ-ÞŁŚŻĆŃА-ЯЁ][\w'’]*(?:[-‐][A-ZÀ-Þ][\w'’]*)*)"
)
_NAME_RUN = rf"(?:{_CAP}|[A-ZÀ-Þ]\.)(?:[ \t]+(?:(?:{_PARTICLES}[ \t]+){{0,3}}(?:{_CAP}|[A-ZÀ-Þ]\.))){{0,3}}"
_TITLED = re.compile(
    rf"(?<!\w)(?P<keep>{_TITLES}\.?(?:\s(?:med|dent|rer|nat|univ|hc)\.)*\s+)(?P<name>(?:{_PARTICLES}[ "
    rf"\t]+){{0,3}}{_NAME_RUN})"
)
_DEGREES = (
    r"(?:M\.?D\.?|FRCR|FRCP|MRCP|FRCS|MRCS|MBBS|MB ?ChB|Ph\.?D\.?|D\.?O\.?|FACR|DABR|FRANZCR|FRCPC|MBChB|BSc|"
    r"MSc|RN|PA-C|NP|R\.?T\.?|DCR|MPH|DNB|DMRD)"
)
_DEGREED = re.compile(rf"(?<!\w)(?P<name>{_NAME_RUN})(?P<after>,?[ \t]+)(?={_DEGREES}(?!\w))")
_BY = re.compile(
    r"(?P<keep>\b(?i:(?:(?:electronically |digitally )?(?:signed|dictated|reported|read|reviewed|verified|approved|"
    r"authori[sz]ed|transcribed|typed|"
    r"interpreted|performed|requested|referred|seen|examined|scanned|supervised|checked|edited|prepared|finali[sz]ed|"
    r"called|witnessed|operated|written)"
    r"(?: electronically| digitally| off| out)? by|attn|c/o)\s*:?\s*))"
    rf"(?P<name>(?:{_TITLES}\.?\s+)?(?:{_PARTICLES}[ \t]+){{0,3}}{_NAME_RUN})"
)
_WITH = re.compile(
    r"(?P<keep>\b(?i:discussed with|d/w|communicated to|informed|notified|conveyed to|told|phoned|called|to|from|"
    r"with|for|per|and|"
    r"(?:his|her|the|their|patient's) (?:wife|husband|daughter|son|mother|father|sister|brother|aunt|uncle|niece|"
    r"nephew|partner|carer|friend|"
    r"neighbour|neighbor|cousin|parents?|spouse|grandson|granddaughter|grandmother|grandfather)|wife|husband|"
    r"daughter|son|mother|father|sister|brother|Ref|cc)[,:]?\s+)"
    rf"(?P<name>(?:{_TITLES}\.?\s+)?(?:{_PARTICLES}[ \t]+){{0,3}}{_NAME_RUN})"
)
_RELATIVE = re.compile(
    r"(?i)(?:wife|husband|daughter|son|mother|father|sister|brother|aunt|uncle|niece|nephew|partner|carer|friend|"
    r"cousin|parent|spouse|grand)"
)
_LABEL_NAME = re.compile(
    r"(?i)(?<![\w])(?P<keep>(?:patient(?:'s)?(?: full)? ?name|patient|pt(?: name)?|name(?: of patient)?|surname|"
    r"(?:first|last|given|family|maiden|middle) ?name|forename|"
    r"(?:referr(?:ing|ed)|requesting|attending|ordering|reporting|consulting|admitting|primary care|family|treating|"
    r"responsible)(?: (?:physician|doctor|clinician|radiologist|provider|consultant|by))?|"
    r"ref(?:erred by)?|requested by|physician|radiologist|neuroradiologist|consultant|registrar|resident|fellow|"
    r"technologist|radiographer|technician|operator|"
    r"(?:reported|dictated|transcribed|typed|signed|verified|approved|authori[sz]ed|reviewed|read|interpreted|"
    r"performed|electronically signed)(?: by)?|reporter|reader|"
    r"author|cc|copy to|copies to|next of kin|nok|gp|g\.p\.|contact|doctor|dr|nurse|clinician|befunder|arzt|"
    r"patientin|nom|prénom|médecin|paciente|médico|medico|paziente|nome|naam|lekarz|пациент|фио|врач)"
    r"\s*[:#]\s*)(?P<value>[^\n]{1,80})"
)
_LABEL_PLACE = re.compile(
    r"(?i)(?<![\w])(?P<keep>(?:address|home address|hospital|institution|facility|clinic|department|dept|ward|site|"
    r"location|city|town|street|practice|surgery name|trust|centre|center|campus|site name)"
    r"\s*[:#]\s*)(?P<value>[^\n]{1,80})"
)
_LABEL_NUMBER = re.compile(
    r"(?i)(?<![\w])(?P<keep>(?:mrn|m\.r\.n\.?|medical record(?: (?:number|no\.?))?|patient ?(?:id|no\.?|number)|"
    r"pat(?:ient)?\.?-?id|hosp(?:ital)? ?(?:no\.?|number|id)|unit (?:no\.?|number)|"
    r"accession(?: ?(?:number|no\.?|#))?|acc(?:ession)?(?: ?no\.?)?|study ?id|exam ?(?:id|no\.?|number)|ssn|social "
    r"security(?: number)?|nhs(?: ?(?:no\.?|number))?|chi(?: number)?|"
    r"insurance(?: ?(?:no\.?|number|id))?|policy(?: ?(?:no\.?|number))?|episode|encounter|visit(?: ?(?:no\.?|number|"
    r"id))?|order(?: ?(?:no\.?|number|id))?|case (?:no\.?|number|id)|"
    r"ref(?:erence)?\.? ?(?:no\.?|number)|file (?:no\.?|number)|chart(?: ?(?:no\.?|number))?|id(?: ?(?:no\.?|"
    r"number))?|bed|room|csn|fin|pesel|снилс|dni|nif|bsn|licen[cs]e(?: ?(?:no\.?|number))?|gmc(?: ?(?:no\.?|"
    r"number))?|npi)"
    r"\s*[:#.]?\s*)(?=[A-Za-z\-/]{0,6}\d)[\w][\w\-/.]{1,24}(?<!\.)"
)
_PLACES = re.compile(
    rf"(?<!\w)(?:(?:St\.?|Saint|The|Mount|Mt\.?)\s+)?{_CAP}(?:\s+(?:{_CAP}|of|and|the|for|&|at|upon|on|de|la|"
    rf"St\.?))*?\s+"
    r"(?:Hospitals?|Infirmary|Medical Cent(?:er|re)|Health Cent(?:er|re)|Clinics?|Hospice|University|Universität|"
    r"Klinikum|Klinik|Krankenhaus|Ziekenhuis|Szpital|Institute|"
    r"Health System|Healthcare|Health Trust|NHS Trust|Foundation Trust|Surgery Cent(?:er|re)|Nursing Home|Care Home|"
    r"Rehabilitation Cent(?:er|re)|Cancer Cent(?:er|re)|Imaging Cent(?:er|re)|Stroke Cent(?:er|re))(?!\w)"
    rf"|(?:H[ôo]pital|Hospital(?: Universitario| General| Clínico)?|Clinique|Clínica|Clinica|Ospedale|Klinikum|"
    rf"Universitätsklinikum|CHU|Szpital|Policlinico)\s+(?:(?:{_PARTICLES}|Saint|San|Santa|"
    rf"Sant[’'])\s*)*{_CAP}(?:\s+(?:{_PARTICLES}\s+)*{_CAP})*"
)
_ROOM = re.compile(
    rf"(?<!\w)(?P<keep>(?:[Ww]ard|[Rr]oom|[Bb]ed|[Uu]nit|[Ff]loor|[Bb]ay|[Ss]uite|[Bb]ldg\.?|"
    rf"[Bb]uilding)\s+)(?:(?:{_CAP})(?:\s+\d{{1,3}}[A-Z]?)?|\d{{1,4}}[A-Z]?|[A-Z]\d{{0,3}})(?!\w)"
)
_SIMPLE: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("EMAIL", re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    ("URL", re.compile(r"\bhttps?://\S+|\bwww\.\S+")),
    ("DATE", re.compile(
        rf"(?<![\w.])(?:{_DAY}[./-]{_DAY}[./-](?:\d{{4}}|\d{{2}})|(?:19|"
        rf"20)\d{{2}}[./-]{_DAY}[./-]{_DAY})(?:T\d[\d:.]+Z?)?(?![\w])"
        rf"|(?<![\w.])(?:19|20)\d{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{{4,6}})?(?!\w)"
        rf"|(?<!\w){_DAY}(?:st|nd|rd|th|er|\.|º|°|ª)?[\s-]*(?:of\s+|de\s+|"
        rf"di\s+)?{_MONTHS}(?!\w)\.?(?:[\s,-]*(?:de\s+|del\s+|of\s+|in\s+)?{_YEAR}(?!\d))?"
        rf"|(?<!\w)(?i:{_DAY_WORDS}) (?:of )?{_MONTHS}(?!\w)\.?(?:[\s,-]*(?:of\s+|in\s+)?{_YEAR}(?!\d))?"
        rf"|(?<!\w){_MONTHS}\.?[\s-]*(?:the\s+)?(?:{_DAY}(?:st|nd|rd|th)?(?!\d)(?:\s?,?\s*{_YEAR}(?!\d))?|"
        rf"(?i:{_DAY_WORDS})(?:,?\s*{_YEAR})?|(?:of\s+|de\s+|,\s*)?{_YEAR}(?!\d))"
        rf"|(?<![\w.])(?:0[1-9]|[12]\d|3[01])\.(?:0[1-9]|1[0-2])\.(?!\d)|(?<![\w/])(?:0?[1-9]|1[0-2])/(?:19|"
        rf"20)\d{{2}}(?!\w)"
        rf"|(?<![\w.]){_DAY}[.\s-]+(?:I{{1,3}}|IV|VI{{0,3}}|IX|XI{{0,2}}|X)[.\s-]+(?:19|20)\d{{2}}(?!\w)|"
        rf"(?<![\w.]){_DAY}\s{_DAY}\s(?:19|20)\d{{2}}(?!\w)"
    )),
    ("DATE", re.compile(rf"(?P<keep>\b(?i:on|dated|from|of|since|until|with|study|exam|scan|mri|ct|am|vom|du|le|del|"
                        rf"the)\s){_DAY}/(?:0?[1-9]|1[0-2])(?![\w/])(?!\s?(?:slices|of|the))")),
    ("DATE", re.compile(r"(?P<keep>\b(?i:in|since|from|of|until|by|dated|year|early|late|mid|around|before|after|"
                        r"compared (?:with|to)|seit|im jahre?|en|depuis|dal|nel|desde|em|sinds|od|w)\s)(?:19|"
                        r"20)\d{2}(?![\w.])(?!\s?(?:mm|cm|ml))")),
    ("TIME", re.compile(r"(?i)(?<![\w:.])(?:[01]?\d|2[0-3])[:h][0-5]\d(?::[0-5]\d)?(?: ?[ap]\.?m\.?)?(?![\w:])|"
                        r"(?<![\w.])(?:0?\d|1[0-2])(?:\.[0-5]\d)? ?[ap]\.?m\.?(?!\w)|(?<!\w)(?:[01]\d|2[0-3])[0-5]\d "
                        r"?h(?:rs?|ours)?(?!\w)")),
    ("AGE", re.compile(
        r"(?i)(?<![\d.])(?:9\d|1[0-4]\d)(?=[\s-]?(?:years?|yrs?|y/?o\b|y\b|jahre?|jährige?r?|ans\b|años|anos|anni|"
        r"jaar|lat\b|лет|歳|岁|周岁|f\b|m\b)(?!\w*\s?mm))"
        r"|(?<=\baged )(?:9\d|1[0-4]\d)(?!\d)|(?<=\bage )(?:9\d|1[0-4]\d)(?!\d)|(?<=\bage: )(?:9\d|1[0-4]\d)(?!\d)|"
        r"(?<=\bage of )(?:9\d|1[0-4]\d)(?!\d)|(?<=\bAge:)(?:9\d|1[0-4]\d)(?!\d)"
        r"|\b(?:ninety(?:[\s-](?:one|two|three|four|five|six|seven|eight|nine))?|(?:one|a) hundred(?:(?: and|"
        r"[\s-])?[\s-]?(?:one|two|three|four|five|six|seven|eight|nine|ten))?)(?=[\s-]?(?:years?|year|yr|y/?o))"
        r"|(?<=aged )(?:ninety(?:[\s-]\w+)?|(?:one|a) hundred(?: and \w+)?)|\bin (?:his|her|their) nineties|"
        r"\bcentenarian\b|\bnonagenarian\b"
        r"|\bquatre-vingt-dix(?:-\w+)?(?= ans)|\b\w*undneunzig(?=\s?-?jähr|\s+Jahre)|\bnoventa(?: y \w+)?(?= años)|"
        r"\bnovanta\w*(?= anni)"
    )),
    ("PHONE", re.compile(r"(?P<keep>\b(?i:tel(?:ephone)?|phone|ph|call(?:ed)?|fax|mobile|cell|pager|bleep|beep|"
                         r"ext(?:ension)?|x|contact|whatsapp|dect)\b\.?\s*(?i:no|number|on|at|us at|"
                         r"ext)?\.?\s*[:#]?\s*)\+?[\d(][\d()\s./-]{1,18}\d")),
    ("PHONE", re.compile(r"(?<![\w.,/-])(?:\+\d{1,3}[\s.-]?)?(?:\(\d{2,5}\)[\s.-]?)?\d{2,5}(?:[ "
                         r".-]\d{2,5}){1,4}(?![\w/-])(?!\s?(?:mm|cm|ml|cc|ms|%))(?<=\d{4})")),
    ("ADDRESS", re.compile(rf"(?<!\w)\d{{1,5}}[A-Za-z]?,? (?:{_CAP} ){{1,3}}(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|"
                           rf"Drive|Dr|Boulevard|Blvd|Way|Close|Court|Ct|Place|Pl|Crescent|Terrace|Square|Sq|Gardens|"
                           rf"Grove|Hill|Row|Mews|Walk|Park)(?!\w)\.?"
                           r"|(?<!\w)[A-ZÄÖÜ][\wäöüß.-]*(?:stra(?:ss|ß)e|str\.|weg|platz|allee|gasse|laan|straat|"
                           r"plein)\s+\d{1,4}\s?[a-z]?(?!\w)|\b(?:rue|avenue|calle|via|rua|ulica|ul\.)\s+(?:de\s+|"
                           r"la\s+|del\s+|du\s+)*"
                           rf"{_CAP}(?:\s+{_CAP})*(?:,?\s*\d{{1,4}})?|"
                           rf"(?<!\w)[A-Z]{{1,2}}\d[A-Z\d]?\s\d[A-Z]{{2}}(?!\w)|\bP\.?O\.? Box \d+")),
    ("NUMBER", re.compile(
        r"(?i)(?<![\w.])(?=[A-Z/-]{0,6}[\d/-]*\d{3})(?=[\w/-]*\d[\w/-]*\d[\w/-]*\d[\w/-]*\d)"
        r"[A-Z]{0,6}[-/]?\d[\dA-Z/-]{4,}(?![\w/])(?!\s?(?:mm|cm|ml|cc|ms|s/mm|hz))"
    )),
    ("NUMBER", re.compile(r"(?<![\w.])\d(?:[\d.]*\d)?(?:\.\d+){5,}(?!\w)")),
)  # fmt: skip
_SENTENCE = re.compile(r"(?:^|[.!?:;•·*\n\t(\"“\]-]|\d[.)]|[\u2060\u3000-\uffff])\s*$")
_GERMAN = re.compile(
    r"(?i)\b(?:der|die|das|und|im|links|rechts|kein|keine|nicht|mit|von|ist|bei|ohne|nachweis|nach|zum|zur|des|dem|"
    r"den|ein|eine|einer|sich|auf|über|oder|auch|hier|kleine[rns]?|normale[rns]?|unauffällig\w*|regelrecht\w*|altersent\w+|"
    r"korrigiert\w*|nachtrag|befund\w*|beurteilung|[a-z]*blutung\w*|[a-z]*infarkt\w*|[a-zä-ü]*läsion\w*|raumforderung\w*|"
    r"liquor\w*|[a-z]*ventrikel\w*|schädel\w*|hirn\w*|kopf\w*|marklager\w*|herd\w*|ödem\w*|[a-z]+stellung|verdacht)\b"
)
_ENGLISH = re.compile(r"(?i)\b(?:the|of|and|is|in|with|no|there|on|for|by|to|was|at)\b")
_BRACKETED = re.compile(r"\[[A-Z]+\]")
_PLACEHOLDER = 0xE000
_HAN = "\u3040-\u9fff\uac00-\ud7af\uff01-\uff60"
_BORDER = re.compile(rf"(?<=[{_HAN}])(?=[A-Za-zÀ-ɏ])|(?<=[A-Za-zÀ-ɏ.])(?=[{_HAN}])")
_JOINER = "\u2060"  # no letter and no space


class _Scrubbing:
    """A text that is being de-identified, with the counts and names so far."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.counts: Counter[str] = Counter()
        self.names: set[str] = set()
        self.kept: list[str] = []

    def protect(self) -> None:
        def hide(match: re.Match[str]) -> str:
            self.kept.append(match[0])
            return chr(_PLACEHOLDER + len(self.kept) - 1) if len(self.kept) < 6000 else match[0]

        self.text = _MEASURES.sub(hide, self.text)

    def restore(self) -> str:
        return re.sub(
            "[\ue000-\uf8ff]",
            lambda m: self.kept[ord(m[0]) - _PLACEHOLDER] if ord(m[0]) - _PLACEHOLDER < len(self.kept) else m[0],
            self.text,
        )

    def part(self) -> None:
        """Insert a joiner between Chinese and Latin letters, which are written without a space; `join` removes it."""
        self.text = _BORDER.sub(_JOINER, self.text)

    def join(self) -> None:
        self.text = self.text.replace(_JOINER, "")

    def sub(
        self, kind: str, pattern: re.Pattern[str], accept: Callable[[re.Match[str]], bool] = lambda _: True
    ) -> None:
        groups = pattern.groupindex

        def change(match: re.Match[str]) -> str:
            if not accept(match):
                return match[0]
            self.counts[kind] += 1
            before, after = (match[g] or "" if g in groups else "" for g in ("keep", "after"))
            if kind == "NAME" and "name" in groups:
                name, rest = _trimmed(match["name"])
                self.names.add(name)
                after = rest + after
            return f"{before}[{kind}]{after}"

        self.text = pattern.sub(change, self.text)


def scrub(
    text: str, secrets: Iterable[str], persons: Iterable[str] = (), hearsay: Iterable[str] = ()
) -> tuple[str, dict[str, int]]:
    """The text without persons, and the number of removed parts of each kind.

    ``persons`` are names from headers, ``secrets`` are numbers and places from headers. ``hearsay`` are words from free
    text and from file names that may be names.
    """
    if not text.strip():
        return text, {}
    work = _Scrubbing(re.sub("[\ue000-\uf8ff\u2060]", "", text))
    work.protect()
    people = list(persons)
    work.part()
    _known(work, secrets, people, hearsay)
    work.join()
    for kind, pattern in chinese.PATTERNS:
        work.sub(kind, pattern, lambda m: "name" not in m.re.groupindex or not chinese.is_word(m["name"]))
    _labels(work)
    for kind, pattern in _SIMPLE[:2]:
        work.sub(kind, pattern)
    work.sub("NUMBER", _LABEL_NUMBER)
    for kind, pattern in _SIMPLE[2:]:
        work.sub(kind, pattern)
    work.part()
    work.sub("PLACE", _PLACES, _is_place)
    work.sub("PLACE", _ROOM, lambda m: _is_room(m[0]))
    work.sub("NAME", _TITLED)
    work.sub("NAME", _DEGREED, lambda m: not all(is_known(w) for w in _parts(m["name"])) or len(_parts(m["name"])) > 1)
    work.sub("NAME", _BY, lambda m: _is_name(m["name"]))
    work.sub("NAME", _WITH, lambda m: _is_name(m["name"], bool(_RELATIVE.search(m["keep"]))))
    if not _german(text):
        _capitalised(work)
    _known(
        work,
        (),
        (),
        [part for name in work.names for part in _parts(name)] + [n for n in work.names if not n.isascii()],
    )
    work.join()
    done = re.sub(r"(\[NAME\])(?:[ \t,]+\[NAME\])+", r"\1", work.restore())
    return done, {kind: count for kind, count in sorted(work.counts.items()) if count}


def _known(work: _Scrubbing, secrets: Iterable[str], persons: Iterable[str], hearsay: Iterable[str]) -> None:
    """Remove words from headers: rare words in upper or lower case, common words only where they are used as names."""
    whole = [each for each in {*secrets, *persons} if len(each) > 2 and re.search(r"\s", each)]
    single = [each for each in {*secrets, *persons, *hearsay} if not re.search(r"\s", each)]
    # Chinese names have no spaces around them.
    inside = [
        each
        for each in single
        if re.search(r"[\u3040-\u9fff\uac00-\ud7af]", each) and 2 <= len(each) <= 40 and not chinese.is_word(each)
    ]
    rare = [each for each in single if each not in inside and len(each) > 2 and not _common(each)]
    common = [
        each
        for each in set(persons)
        if each not in inside and not re.search(r"\s", each) and len(each) > 1 and _common(each)
    ]
    named = [each for each in whole if not all(map(_common, each.split())) or len(each.split()) > 2]
    for words in (named, rare):
        if words:
            ordered = sorted(words, key=lambda each: (-len(each), each))
            work.sub(
                "NAME",
                re.compile(
                    r"(?<![\w\[])(?:" + "|".join(map(_loose, ordered)) + r")(?:['’]s)?(?![\w\]])", re.IGNORECASE
                ),
            )
    if inside:
        work.sub("NAME", re.compile("|".join(map(re.escape, sorted(inside, key=len, reverse=True)))))
    if common:
        pair = re.compile(
            r"(?<![\w\[])(?:"
            + "|".join(re.escape(each.capitalize()) for each in sorted(common))
            + r")(?:['’]s)?(?![\w\]])"
        )
        pairs = re.compile(rf"(?:{pair.pattern}[\s,]+){{1,3}}{pair.pattern}")
        work.sub("NAME", pairs)
        work.sub(
            "NAME", pair, lambda m: _beside_name(m) or not (_SENTENCE.search(m.string[: m.start()]) or _heading(m))
        )


def _beside_name(match: re.Match[str]) -> bool:
    before, after = match.string[: match.start()], match.string[match.end() :]
    return bool(re.search(r"\[NAME\][ \t,]+$", before) or re.match(r"[ \t,]+\[NAME\]", after))


def _heading(match: re.Match[str]) -> bool:
    return bool(re.match(r"[\w ]{0,20}:", match.string[match.end() :]))


def _common(word: str) -> bool:
    """Whether a word is common: a report word, an everyday word, a sequence's name or a short number."""
    return (
        word.lower() in NAMESAKES
        or (word.isascii() and is_known(word) and not re.search(r"\d{4}", word))
        or bool(re.fullmatch(r"(?i)t[12]\w?|\d{1,3}", word))
    )


def _loose(secret: str) -> str:
    """A pattern that matches the secret with any space or punctuation between its words."""
    return r"[\s,.^=_-]+".join(re.escape(part) for part in re.split(r"[\s,.^=_-]+", secret) if part) or re.escape(
        secret
    )


def _labels(work: _Scrubbing) -> None:
    """Remove values of name and place fields, also in mid-line, up to the first word that cannot be part of one."""

    def of(kind: str) -> Callable[[re.Match[str]], str]:
        def change(match: re.Match[str]) -> str:
            value = match["value"]
            length = _value_length(value, kind)
            if not length:
                return match[0]
            work.counts[kind] += 1
            if kind == "NAME":
                work.names.add(value[:length])
            return f"{match['keep']}[{kind}]{value[length:]}"

        return change

    for kind, pattern in (("NAME", _LABEL_NAME), ("PLACE", _LABEL_PLACE)):
        # A value may hold the next label, so one pass a label.
        work.text = "\n".join(_line(line, pattern, of(kind)) for line in work.text.split("\n"))


def _line(line: str, pattern: re.Pattern[str], change: Callable[[re.Match[str]], str]) -> str:
    at, out = 0, ""
    while (match := pattern.search(line, at)) is not None:
        out += line[at : match.start()]
        done = change(match)
        keep = match["keep"]
        if done == match[0]:
            out += keep
            at = match.start() + len(keep)
        else:
            tail = done[len(keep) :]
            token = tail[: tail.index("]") + 1]
            out += keep + token
            at = match.start() + len(keep) + len(match["value"]) - (len(tail) - len(token))
    return out + line[at:]


def _value_length(value: str, kind: str) -> int:
    """How many leading characters of a field's value are a name or a place."""
    end = taken = 0
    for match in re.finditer(r"[^\s,;/|]+|[,;/|]", value):
        word = match[0]
        between = value[end : match.start()]
        if "  " in between or word in ";|" or word.endswith(":") or "[" in word or re.match(r"[\ue000-\uf8ff]", word):
            break
        if word in ",/":
            continue
        bare = word.strip(".,()'\"’")
        label = value[match.end() - 1 : match.end() + 1].startswith(":") or (
            bool(re.match(r"(?:\s?[A-Z]?[a-z]+)?\s?[:#]", value[match.end() :])) and is_known(bare)
        )
        if label or not _accepts(bare, kind, taken):
            break
        taken += 1
        end = match.start() + len(word.rstrip(","))
        if taken >= (8 if kind == "PLACE" else 6) or (word.endswith(".") and len(bare) > 3):
            break
    return len(value[:end].rstrip(".")) if taken else 0


def _accepts(word: str, kind: str, taken: int) -> bool:
    if re.fullmatch(rf"{_PARTICLES}|{_TITLES}|{_DEGREES}|[A-ZÀ-Þ]|and|&", word.strip(".")):
        return True
    capital = word[:1].isupper() or not word.isascii()
    if kind == "PLACE":
        return (
            capital
            or (taken > 0 and (word in ("of", "the", "for", "at") or word.isdigit()))
            or (word[:1].isdigit() and len(word) < 6)
        )
    known = is_known(word) and word.isascii()
    return (capital and (not known or word.lower() in NAMESAKES)) or (not known and taken < 3 and word.isalpha())


def _trimmed(name: str) -> tuple[str, str]:
    """Split a match into the name and the known words after it. In capitals, both look alike."""
    words = name.split(" ")
    end = len(words)
    while (
        end > 1
        and words[end - 1].isascii()
        and len(words[end - 1]) > 2
        and is_known(words[end - 1])
        and words[end - 1].lower() not in NAMESAKES
    ):
        end -= 1
    return " ".join(words[:end]), "".join(f" {word}" for word in words[end:])


def _parts(name: str) -> list[str]:
    return [
        part
        for part in re.split(r"[\s,.]+", name)
        if len(part) > 1 and not re.fullmatch(rf"{_PARTICLES}|{_TITLES}|{_DEGREES}", part)
    ]


def _is_name(name: str, relative: bool = False) -> bool:
    """Whether capitalised words where a name is expected are a name: unknown words, or words that may be names."""
    parts = _parts(name)
    if not parts or (name.isupper() and len(parts[0]) < 4 and is_known(parts[0])):
        return False
    return any(not is_known(part) or (relative and part.lower() in NAMESAKES) for part in parts) or (
        len(parts) > 1 and all(part.lower() in NAMESAKES for part in parts)
    )


def _is_place(match: re.Match[str]) -> bool:
    words = match[0].split()
    return len(words) > 1 and not all(
        word.lower()
        in (
            "the",
            "this",
            "our",
            "local",
            "outside",
            "your",
            "university",
            "hospital",
            "at",
            "clinic",
            "stroke",
            "memory",
        )
        for word in words
    )


def _is_room(found: str) -> bool:
    value = found.split(None, 1)[1]
    return (
        not is_known(value.split()[0])
        or bool(re.search(r"\d", value))
        or (found[0].isupper() and value.split()[0].lower() in NAMESAKES)
    )


def _german(text: str) -> bool:
    return len(_GERMAN.findall(text)) > len(_ENGLISH.findall(text))


def _capitalised(work: _Scrubbing) -> None:
    """Remove a capitalised word that is not in the vocabulary of reports, with the names beside it."""

    def accept(match: re.Match[str]) -> bool:
        parts = [part for part in _parts(match["name"]) if not is_known(part)]
        if not parts:
            return False
        if match["name"].isupper():
            return _names_in_capitals(match, parts)
        start = bool(_SENTENCE.search(match.string[: match.start()]))
        if start and len(_parts(match["name"])) == 1 and starts_sentence_as_word(parts[0]):
            return False
        return any(len(part) > 2 for part in parts)

    # Known words at the start and end of a match do not belong to the name.
    pattern = re.compile(
        rf"(?<![\w\[’'-])(?P<name>(?:{_CAP}|(?<!\w)[A-Z]\.)(?:[ \t]+(?:{_PARTICLES}[ "
        rf"\t]+){{0,3}}{_CAP})*)(?:['’]s)?(?![\w\]])"
    )
    trimmed = re.compile(rf"(?:{_CAP}|[A-Z]\.)")

    def change(match: re.Match[str]) -> str:
        if not accept(match):
            return match[0]
        pieces = list(trimmed.finditer(match["name"]))
        bad = [n for n, piece in enumerate(pieces) if not is_known(piece[0]) and len(piece[0].strip(".")) > 1]
        first, last = bad[0], bad[-1]
        while first > 0 and (len(pieces[first - 1][0].strip(".")) == 1 or pieces[first - 1][0].lower() in NAMESAKES):
            first -= 1
        while last + 1 < len(pieces) and pieces[last + 1][0].lower() in NAMESAKES:
            last += 1
        work.counts["NAME"] += 1
        name = match["name"]
        work.names.add(name[pieces[first].start() : pieces[last].end()])
        rest = match[0][len(name) :]
        return (
            name[: pieces[first].start()]
            + "[NAME]"
            + name[pieces[last].end() :]
            + ("" if rest in ("'s", "’s") else rest)
        )

    work.text = pattern.sub(change, work.text)


def _names_in_capitals(match: re.Match[str], parts: list[str]) -> bool:
    """Whether a match in capitals is a name: it has a long word with a vowel, and its line is not in capitals."""
    start = match.string.rfind("\n", 0, match.start()) + 1
    end = match.string.find("\n", match.end())
    line = match.string[start : end if end >= 0 else None]
    small, big = sum(c.islower() for c in line), sum(c.isupper() for c in line)
    return small > big / 2 and any(len(part) > 4 and re.search("[AEIOUY]", part) for part in parts)
