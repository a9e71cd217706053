"""What people and vendors call sequences: names in eleven languages, and the names of what is none of the seven.

A name is brought to plain form first (small letters, no accents, underscores and dashes as spaces), so ``T1_CE``,
``t1-ce`` and ``T1 CE`` are one. Words are told apart by what is no Latin letter or digit, since Chinese and Japanese
names stand beside Latin ones without a space. The lists are ours, written from the manuals' names of pulse sequences
(Siemens, GE, Philips, Canon, United Imaging, Hitachi) and from everyday use in English, Chinese, German, Spanish,
French, Italian, Portuguese, Dutch, Polish, Russian and Japanese.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from journalclip_shared.records.report import SequenceName

Contrast = Literal["with", "without"]


@dataclass(frozen=True)
class NameRead:
    """What one name says: a sequence, or the kind of thing that is none of the seven, or neither."""

    sequence: SequenceName | None = None
    other: str | None = None
    contrast: Contrast | None = None
    brain: bool = False


def plain(name: str) -> str:
    """Small letters without accents; separators as single spaces; ``+`` and ``*`` are kept."""
    text = unicodedata.normalize("NFKC", name)
    text = re.sub(r"(?i)(?<![a-z])(c|iv|gd|gado|km|k)\s?-(?=[\s_,;)]|$)", " precontrast ", text)
    text = re.sub(r"(?i)(?<![a-z])(c|iv|gd|gado|km|k)\s?\+(?![a-z])", " +c ", text)
    text = re.sub(r"(?<=[a-z])(?=FA\b|ADC\b|DWI\b)", " ", text.replace("_", " "))
    text = text.casefold()
    text = "".join(unicodedata.normalize("NFD", c)[0] if c < "\u0250" else c for c in text)
    text = text.replace("ł", "l").replace("ø", "o").replace("ё", "е")
    text = re.sub(r"т(?=[12])", "t", text)  # a Cyrillic T before its number
    text = re.sub(r"\bt2 ?\*|\bt2 ?star|\bt2star", " t2star ", text)
    return re.sub(r"^s?wip ", "", re.sub(r"[^\w+*]+", " ", text).strip())


def _words(*forms: str) -> re.Pattern[str]:
    """Whole words only; CJK text is its own border."""
    return re.compile(r"(?<![a-z0-9а-я])(?:" + "|".join(forms) + r")(?![a-z0-9а-я])")


def _parts(*forms: str) -> re.Pattern[str]:
    """Anywhere, also within words."""
    return re.compile("|".join(forms))


_BRAIN = _parts(
    "brain", "head", "cereb", "crani", "encef", "encep", "kopf", "schad", "hersen", "glow[ay]", "mozg", "голов",
    "мозг", "头", "颅", "脑", "頭", "脳", "testa", "cabeza", "cabeca", "tete", "hoofd",
)  # fmt: skip

# In this order: the first that fits says what it is.
_OTHER: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a localizer", _parts(
        r"locali[sz]", r"lokali[sz]", "scout", "survey", "smartbrain", "aahead", "topogra", "plan ?scan", "pilot",
        r"(?:^| )loc(?: |$|\d)", r"(?:^| )loca(?: |$)", r"(?:^| )3 ?pl(?:ane)?(?: |$)", "tri ?plane", "autoalign",
        "定位", "位置決め", "ロケ", "スカウト", "reperage", "centratore", "rilevatore", "ubersicht", "localiser",
        "локал", "топограм", "разметк", "обзорн", "positioning",
    )),
    ("a calibration or reference scan", _parts(
        "calib", "kalib", "asset", "sense ref", "ref ?scan", "reference scan", "coil ?sens", "prescan", "(?:^| )shim",
        "noise scan", "校准", "калибр", "キャリブ", "phoenix", "screen ?save", "screen ?shot", "dose report",
    )),
    ("a phase picture", _parts(
        r"(?<!in )(?<!in)(?<!opp )(?<!out of )(?<!opposed )(?:^| )(?:filt )?pha(?:se|sen?bild)?(?: |$)(?!encod)",
        "phase ?(?:map|image|bild)", "phasenbild", "相位", "位相", "фазов", "(?:^| )fazow", "(?:^| )fase(?: |$)",
        "fase ?(?:afb|beeld|bild)", "imagen de fase", "(?:^| )pha images", "(?:^| )phs(?: |$)", "(?:^| )qsm(?: |$)",
        "phasemap",
    )),
    ("angiography", _parts(
        r"(?:^|[^a-z])(?:[23]d)?tof(?:[23]d)?(?:[^a-z]|$)", r"(?:^|[^a-z])(?:ce|pc|tof|[23]d)?mr[av](?:[^a-z]|$)",
        "angio", "ангио", "アンギオ", "venogra", "(?:^| )ven[oae]us?(?: |$)", "(?:^| )venoso", "(?:^| )veneux",
        "(?:^| )veno(?: |$)", r"(?:^|[^a-z])(?:[23]d ?)?pc(?:a|mra)?(?: ?[23]d)?(?:[^a-z]|$)", "phase contrast",
        "contraste de fase", "contrasto di fase", "phasenkontrast", "(?:^| )venc", "q ?flow", "velocity",
        r"(?:^|[^a-z])cow(?:[^a-z]|$)", "willis", "виллиз", "willisa", "carotid", "karotis", "carotis", "szyjne? t",
        "arteri", "артери", "артэри", "tetnic", "slagader", "(?:^| )vasos", "(?:^| )vasi(?: |$)", "vaisseau", "gefass",
        "naczyn", "vaten", "сосуд", "(?:^| )вен(?: |$)", "веноз", "венозн", "血管", "动脉", "静脉(?!注)", "動脈",
        "静脈(?!注)", "(?:^| )twist(?: |$)", "(?:^| )tricks(?: |$)", "inhance", "(?:^| )trance(?: |$)", "silenz",
        "(?:^| )qiss(?: |$)", "(?:^| )zyly", "zylna", "(?:^| )мр ?[ав](?: |$)",
    )),
    ("a projection", _parts(
        r"(?:^|[^a-z])(?:t?mip|minip|mnip|min ip|max ip)s?(?:[^a-z]|$)", "min(?:imum)? intensity", "projection",
        "投影", "proyeccion", "projekt", "projek", "проекц", "proiezion", "(?:^| )vrt(?: |$)",
    )),
    ("perfusion", _parts(
        "perfus", "perfuz", "перфуз", "灌注", "灌流", "潅流", r"(?:^|[^a-z])(?:dsc|dce|[23]d ?asl|p?c?asl|"
                                                        r"pasl)(?:[^a-z]|$)",
        r"(?:^|[^a-z])r?cb[fv](?:[^a-z]|$)", r"(?:^|[^a-z])(?:mtt|ttp|tmax|ttd|pbp|gbp|ktrans)(?:[^a-z]|$)",
        "time to peak", "mean transit", "spin label", "自旋标记", "blood flow", "blood volume",
    )),
    ("a map computed from diffusion", _parts(
        r"(?:^|[^a-z])e ?adc", r"(?:^|[^a-z])exp(?:o|onential)? ?(?:adc|apparent|atten|att|coef|diff)", "exponential",
        "fractional ?aniso", "anisotrop", "各向异性", "異方性", "анизотроп",
        r"(?:^|[^a-z])(?:col(?:our|or)? ?)?fa(?: ?map)?(?:[^a-z0-9]|$)(?! ?\d)",
        "colfa", "tensor", "tractogra", "(?:^| )kurt", "(?:^| )ivim", "(?:^| )noddi",
        r"(?:^| )(?:md|mk|rd|ra|vr)(?: map)?(?: |$)(?=.*dti|.*diff|$)",
    )),
    ("a map", _parts(
        r"(?:t1|t2|t2star|r1|r2|r2star|pd|b0|b1|field|rho) ?(?:map|mapp|mapa|carte|karte|kaart|карт|图|マップ|定量)",
        r"(?:mapa|carte|karte|mappa|karta|карта) (?:de |en |di |t?)?(?:t1|t2|b0|b1)", "field ?map", "fieldmap",
        "feldkarte", "mapa de campo", "carte de champ", "mappa di campo", "veldkaart", "場マップ", "场图",
        "(?:^| )molli", "t1 ?rho", "relaxomet", "(?:^| )mwf", "(?:^| )b1(?: |$)", "(?:^| )inv[12](?: |$)", "量化",
    )),
    ("a subtraction", _parts(
        r"(?:^| )subs?(?: |$)(?! ?\d)", r"(?:^| )subtr", "substra[ck]", "subtra[ck]", "soustra", "sottra", "sustrac",
        "(?:^| )subst?(?: |$)", "aftrek", "odejm", "odejmow", "субтр", "вычит", "减影", "減影", "差分", "サブトラ",
    )),
    ("functional imaging", _parts(
        r"(?:^|[^a-z])(?:rs ?)?fmri(?:[^a-z]|"
        r"$)", r"(?<!ven)(?<!veno)(?<!vein)(?:^|[^a-z])bold(?:[^a-z]|$)", "ep2d bold", "resting state",
        "t ?maps?(?: |$)(?=.*mean)", "evaseries", "design matrix", "фмрт", "功能成像",
    )),
    ("spectroscopy", _parts(
        "spectro", "spektro", "espectro", "спектро", "波谱", "スペクト",
        r"(?:^|[^a-z])(?:csi|svs|mrsi?|press|slaser)(?:[^a-z]|$)", "single ?voxel", "(?:^| )probe ?p",
    )),
    ("a balanced gradient echo", _parts(
        "(?:^|[^a-z])(?:ciss|fiesta|ci3d|fiesta ?c|b ?ffe|bffe|tru ?fi|truefisp|trufisp|b?ssfp|psif)(?:[^a-z]|$)",
        "true ?fisp", "balanced", "水成像", "myelogra", "hydrogra", "(?:^| )ci3d",
    )),
    ("double inversion or phase-sensitive recovery", _words("dir", "psir", "double ir", "double inversion \\w*")),
)  # fmt: skip

_PART = _parts(
    r"spin(?:e|al)(?: |$|_)", "cspine", "tspine", "lspine", "cervic", "thorac", "torac", "lumb", "lomb",
    "sacr(?:um|al)",
    "orbit", "oczodo", "орбит", "глазни", "眼", r"(?:^| )neck(?: |$)", r"(?:^| )(?:knee|shoulder|liver|abdomen|pelvis|"
                                                                      r"prostate)",
    r"(?:^| )(?:cardiac|heart|breast|hip|wrist|ankle|foot|hand|elbow|femur|thigh|parotid|larynx|brachial|tmj|kidney|"
    r"mrcp)(?: |$)",
    "颈", "胸椎", "腰", "脊", "膝", "肩", "肝", "腹", "盆", "前列腺", "乳", "心脏", "髋", "頸", "骨盤", "心臓", "股",
    r"(?:^| )(?:hws|bws|lws|hals|knie|schulter|leber|becken|herz|mamma)(?: |$)", "wirbels", "wervel",
    r"(?:^| )(?:columna|coluna|colonna|rachis|rachide|cuello|pescoco|collo|cou|nek|szyj\w*|kark)(?: |$)",
    r"(?:^| )(?:rodilla|joelho|ginocchio|genou|kolan\w*|hombro|ombro|spalla|epaule|schouder|bark\w*)(?: |$)",
    r"(?:^| )(?:higado|figado|fegato|foie|lever|watrob\w*|wk|cwk|lwk|twk)(?: |$)", "kregos", "ledzw", "piersi",
    "позвон", "шейн", "шея", "шеи", "грудн", "поясн", "колен", "плеч", "печен", "(?:^| )таз",
)  # fmt: skip

_T1 = r"(?<![0-9])(?<![a-z][a-z][a-z][a-z])t1(?![0-9])"
_FLAIR = _parts(
    "flair", "flare(?: |$)", r"dark ?fl", r"(?:^| )da ?fl(?: |$)", "fluid ?att", "水抑制", "抑水", "黑水", "压水",
    "液体衰减", "флаир", "флэир", "флеир", "フレア", "spc ir", "liquor(?:unterdr|suppr)", "liquido atenuad",
    "水抑え", "t2 dark", "wasserunterdr", "kopft2 ir",
)  # fmt: skip
_ADC = _parts(
    r"(?:^|[^a-z])d?adc", "adc(?:[^a-z]|$)", "apparent", "表观", "見かけ", "(?:^| )икд", "измеряем\\w* коэф",
    "average dc",
    "avg dc", "coeff?icien\\w* (?:di|de) diff?us", "pozorn\\w* wsp", "adc",
)  # fmt: skip
_DWI = _parts(
    "dwi", "(?:^| )dw(?: |$)", "diff?us", "(?:^|[^a-z])diff(?:[^a-z]|"
                                          "$)", "difuz", "dyfuz", "диффуз", "(?:^| )две(?: |$)",
    "дви(?: |$)", "弥散", "扩散", "瀰散", "彌散", "擴散", "拡散", "trace", r"(?:^|[^a-z])b ?=? ?(?:[5-9]\d\d|"
                                                               r"[1-9]\d{3})(?!\d)",
    "(?:^| )resolve", "(?:^| )dti(?: |$|\\d)", "ep2d b", "(?:^| )isotropic", "stejskal",
)  # fmt: skip
_SWI = _parts(
    r"(?:^|[^a-z])w?e?swi(?:p|i|3d)?(?:[^a-z]|"
    r"$)", "swi3d", "e?swan", "suscept", "suszept", "suscett", "susceb", "veno? ?bold",
    "(?:^|[^a-z])h(?:a)?emo(?:[^a-z]|"
    "$)", "(?:^| )heme?(?: |$)", "t2star", r"(?:^| )t2 ?s(?: |$)", "磁敏", "磁化率", "восприимч",
    "podatnosc", "(?:^| )fsbb", "(?:^| )bsi(?: |$)", "(?:^| )hemorr", "mag images", "swi?m?(?: |$)mag",
)  # fmt: skip
_GRADIENT = _parts(
    r"(?:^|[^a-z])(?:gre|ffe|medic|merge|fl2d|flash ?2d|fe2d|ge)(?:[^a-z]|$)", "gradient", "gradiente", "градиент",
    "梯度", "グラ[デジ]", "(?:^| )eg(?: |$)",
)  # fmt: skip
_T1_FAST = _parts(
    "mp ?rage", "mp2 ?rage", "(?:^| )bravo", "f?spgr", "(?:^|[^a-z])tfl(?:3d)?(?:[^a-z]|"
                                                       "$)", "(?:^|[^a-z])vibe(?:[^a-z]|$)",
    "(?:^|[^a-z])[23]?d? ?tfe(?:[^a-z]|$)", "(?:^| )thrive", "(?:^| )lava", "(?:^| )fl3d", "fast ?field echo 3d",
    "gre fsp", "(?:^| )quick ?3d", "(?:^| )efgre3d", "(?:^| )ir ?prep", "(?:^| )mpr ?iso", "(?:^| )rage(?: |$)",
)  # fmt: skip
_T2_FAST = _parts(
    r"(?:^|[^a-z])(?:tse|fse|frfse|ssfse|haste|propeller|blade|jet|radar|turbo ?se|arms|multivane|fastse)(?:[^a-z]|$)",
)
_PD = _parts(
    r"(?:^|[^a-z])(?:pd|pdw|pdwi|dp)(?:[^a-z]|$)", "proton", "质子", "質子", "プロトン", "протон", "protonow",
    "(?:^| )rho(?: |$)", "densidad de p",
)  # fmt: skip
_FAT = _words("fat", "f", "fett", "grasa", "graisse", "grasso", "gordura", "vet", "tluszcz", "жир")
_DIXON = _parts(
    "dixon", "ideal", "(?:^| )flex(?: |$)", "(?:^| )wfi(?: |$)", "water", "(?:^| )lava", "(?:^| )fat(?:only| only)?$"
)
_STIR = _parts("(?:^|[^a-z])stir(?:[^a-z]|$)")
_TIRM = _parts("(?:^|[^a-z])tirm(?:[^a-z]|$)")

_WITHOUT = _parts(
    "precontrast", r"(?:^| )pre(?: |$)(?!contr)", r"(?:^| )pre ?(?:contr|gad|gd|inj|km|"
                                                  r"cm)", "w o(?: |$)", r"(?:^| )wo(?: |$)",
    r"(?:^| )(?:without|sans|ohne|sin|sem|senza|zonder|bez|без|no|non|not|nicht)(?: |$)(?: ?(?:i?v )?(?:contr|kontr|"
    r"gad|gd|inj|km|cm|c|mdc|pdc|контр|к у|enhanc|prod)|$)",
    r"(?:^| )(?:non|un) ?(?:enhanc|"
    r"contr)", r"(?:^| )(?:before|avant|vor|prima|antes|voor|przed|до)(?: |$)", r"(?:^| )nativ[aeo]?(?: |$)", "нативн",
    "平扫", "平掃", "造影前", "単純", "增强前", "非增强", "未增强", "不增强", r"(?:^| )s c(?: |$)",
    "(?:^| )plain(?: |$)",
    "natywn", "(?:^| )s (?:km|kontr|contr|gad)", "(?:^| )basal(?: |$)", "(?:^| )senza mdc", "(?:^| )bk(?: |$)",
)  # fmt: skip
_WITH = _parts(
    r"\+ ?(?:c|gd|k|km|cm|ce|gad\w*|mdc|kontr\w*|contr\w*|"
    r"iv)(?![a-z])", r"(?:^| )c ?\+", r"(?:^| )c c(?: |$)", r"gad(?:o|a|ol)?",
    r"(?:^|[^a-z])(?:t1 ?)?gd(?:[^a-z]|$|dtpa|"
    r"dota)", "t1 ?gd", r"t1w?i? ?(?:c|ce)(?![a-z])", "dotarem", "magnevist", "prohance",
    "multihance", "omniscan", "clariscan", "elucirem", "vueway", "primovist", "(?:^| )post(?: |$|\\d|con|gd|gad|inj|"
                                                                              "km)",
    r"contr?ast", "kontrast", "контраст", "(?:^| )с ?к ?у(?: |$)", "(?:^| )к у(?: |$)", "гадо",
    "(?:^|[^a-z])ce(?:[^a-z]|$)",
    r"(?:^| )[ck]m(?: |$)", "(?:^| )mdc(?: |$)", "(?:^| )pdc(?: |$)", "(?:^| )civ(?: |$)", "(?:^| )inj(?:ec\\w*|"
                                                                                           "et\\w*)?(?: |$)",
    r"(?:^| )enh(?:anc\w*)?(?: |$)", "造影", "增强", "增強", "强化", "(?:^| )po (?:podan|k)", "z kontr", "введени",
    "(?:^| )dopo(?: |$)", "(?:^| )apres(?: |$)", "(?:^| )nach(?: |$)", "(?:^| )tras(?: |$)", "(?:^| )na contr",
    "поз?ле",
    "(?:^| )apos(?: |$)", "(?:^| )pos(?: |$)", "(?:^| )despues(?: |$)", "(?:^| )после(?: |$)", "(?:^| )k\\+",
)  # fmt: skip


def read_name(name: str, te: float | None = None, ti: float | None = None) -> NameRead:
    """What a name says; the times in ms decide where a name fits two things (PD or T2, STIR or FLAIR)."""
    text = plain(name)
    brain = bool(_BRAIN.search(text))
    if not text:
        return NameRead()
    if _PART.search(text) and not brain:
        return NameRead(other="another part of the body")
    weighting = re.search(_T1, text) or re.search(r"t2(?![0-9])", text)
    for kind, pattern in _OTHER:
        if pattern.search(text) and not _excused(kind, text, bool(weighting)):
            return NameRead(other=kind, brain=brain)
    if re.search(r"(?:^|[^a-z])b ?=? ?0+(?![0-9])", text) and not re.search(r"b ?=? ?[1-9]\d{2,}", text):
        return NameRead(other="diffusion at b = 0", brain=brain)
    sequence = _sequence(text, te, ti)
    if isinstance(sequence, str) and sequence.startswith("-"):
        return NameRead(other=sequence[1:], brain=brain)
    return NameRead(sequence, contrast=contrast(text), brain=brain)  # type: ignore[arg-type]  # one of the seven here


def contrast(text: str) -> Contrast | None:
    """Of a name in plain form: whether an agent was given, where the name says so."""
    if _WITHOUT.search(text):
        return "without"
    return "with" if _WITH.search(text) else None


def _excused(kind: str, text: str, weighting: bool) -> bool:
    """Words that mean something else beside a sequence's own name."""
    if kind == "angiography" and _SWI.search(text) and not re.search(r"tof|mra|mrv|angio", text):
        return True  # susceptibility is called venography too
    if kind == "a map computed from diffusion" and weighting and not re.search("adc|diff|dti|dwi|colfa|tensor", text):
        return True  # FA is a flip angle here
    return kind == "a localizer" and bool(re.search(r"(?:^| )loc(?: |$)", text)) and weighting


def _sequence(text: str, te: float | None, ti: float | None) -> str | None:
    t1, t2 = bool(re.search(_T1, text)), bool(re.search(r"t2(?![0-9])", text)) and not re.search(r"t2star", text)
    if _FAT.search(text) and _DIXON.search(text) and "water" not in text and "sat" not in text and "sup" not in text:
        return "-the fat picture of a Dixon scan"
    if re.search(r"(?:^| )(?:opp|out)(?: |$|osed| of)", text) and (_DIXON.search(text) or "phase" in text):
        return "-the opposed-phase picture of a Dixon scan"
    if _ADC.search(text):
        return "ADC"
    if _DWI.search(text) and not (t1 and not re.search("dwi|diff", text)):
        return "DWI"
    if _FLAIR.search(text):
        long = ti is not None and ti >= 1400
        return "T1WI" if t1 and not t2 and not long else "FLAIR"
    if _TIRM.search(text) and not t1:
        return "FLAIR" if ti is None or ti >= 1400 else "-short inversion recovery"
    if _STIR.search(text):
        return "FLAIR" if ti is not None and ti >= 1400 else "-short inversion recovery"
    if _SWI.search(text) and not t1:
        return "SWI"
    if _GRADIENT.search(text) and t2:
        return "SWI"
    if _PD.search(text) and not t1:
        if t2 and te is not None and te >= 60:
            return "T2WI"
        return "-proton density" if not t2 or te is not None else None
    if t1:
        return "T1WI"
    if t2:
        return "T2WI"
    if _T1_FAST.search(text):
        return "T1WI"
    if _T2_FAST.search(text):
        return "T2WI" if te is None or te >= 60 else None
    if _GRADIENT.search(text) and (te is None or te >= 14):
        return "SWI"
    return None
