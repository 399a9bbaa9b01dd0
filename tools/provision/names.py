"""Lists that the generated directory is combined from. No entry stands for a real person."""

from typing import Final

GIVEN_NAMES: Final = (
    ("Ana", "ana"), ("Zoë", "zoe"), ("Łukasz", "lukasz"), ("Søren", "soren"), ("Aoife", "aoife"),
    ("Jürgen", "juergen"), ("Chloé", "chloe"), ("İpek", "ipek"), ("Dvořák", "dvorak"),
    ("Ñusta", "nusta"), ("Márton", "marton"), ("Ștefan", "stefan"), ("Þóra", "thora"),
    ("Élodie", "elodie"), ("Björn", "bjorn"), ("Siiri", "siiri"), ("Nuno", "nuno"),
    ("Giulia", "giulia"), ("Ольга", "olga"), ("Дмитро", "dmytro"), ("Ελένη", "eleni"),
    ("Νίκος", "nikos"), ("さくら", "sakura"), ("健太", "kenta"), ("美玲", "meiling"),
    ("지우", "jiwoo"), ("Nguyệt", "nguyet"), ("ليلى", "layla"), ("يوسف", "yousef"),
    ("נועה", "noa"), ("प्रिया", "priya"), ("Arjun", "arjun"), ("Kwame", "kwame"),
    ("Adaeze", "adaeze"), ("Thandiwe", "thandiwe"), ("Malia", "malia"),
)  # fmt: skip
"""(as written, in Latin letters for the userName)"""

FAMILY_NAMES: Final = (
    ("Ruiz", "ruiz"), ("O'Hara", "ohara"), ("Müller", "mueller"), ("Nowak", "nowak"),
    ("Ångström", "angstrom"), ("Brândza", "brandza"), ("van den Berg", "vandenberg"),
    ("Łoś", "los"), ("Sørensen", "sorensen"), ("Öztürk", "ozturk"), ("Němec", "nemec"),
    ("Szabó", "szabo"), ("Lefèvre", "lefevre"), ("Jónsdóttir", "jonsdottir"),
    ("Mäkinen", "makinen"), ("D'Angelo", "dangelo"), ("Gonçalves", "goncalves"),
    ("Иванова", "ivanova"), ("Шевченко-Лис", "shevchenkolys"), ("Παππάς", "pappas"),
    ("佐藤", "sato"), ("山本", "yamamoto"), ("王", "wang"), ("김", "kim"), ("Trần", "tran"),
    ("حداد", "haddad"), ("כהן", "cohen"), ("शर्मा", "sharma"), ("Iyer", "iyer"),
    ("Mensah", "mensah"), ("Okafor", "okafor"), ("Dlamini", "dlamini"), ("Kealoha", "kealoha"),
    ("Silva-Reis", "silvareis"),
)  # fmt: skip
"""(as written, in Latin letters for the userName)"""

DEPARTMENTS: Final = (
    ("Engineering", "1100"), ("R&D", "1200"), ("Sales", "2100"), ("Marketing", "2200"),
    ("Customer Care", "2300"), ("Finance", "3100"), ("Legal", "3200"), ("People", "3300"),
    ("Facilities", "4100"), ("Logistics", "4200"), ("Quality", "4300"), ("Comunicação", "2400"),
)  # fmt: skip
"""(name, cost centre)"""

TITLES: Final = (
    "Engineer", "Senior Engineer", "Analyst", "Buchhalterin", "Chargé d'affaires", "Consultant",
    "Designer", "Technician", "Team Lead", "Specialist", "Planner", "Översättare",
)  # fmt: skip

PROJECTS: Final = (
    "Aurora", "Blåhval", "Cumulus", "Düne", "Ember", "Fjord", "Garúa", "Horizon", "Iris", "Jade",
    "Kestrel", "Lumière", "Mistral", "Niño", "Ōkami", "Prism", "Quartz", "Río", "Šumava", "Tundra",
)  # fmt: skip

SITES: Final = (
    ("Lisboa", "Lisboa", "1100-148", "PT", "+351 21 555", "pt-PT", "Europe/Lisbon",
     "Rua da Prata"),
    ("Gent", "Oost-Vlaanderen", "9000", "BE", "+32 9 555", "nl-BE", "Europe/Brussels",
     "Sint-Pietersnieuwstraat"),
    ("København", "Hovedstaden", "1150", "DK", "+45 33 55", "da-DK", "Europe/Copenhagen",
     "Købmagergade"),
    ("Kraków", "Małopolskie", "31-001", "PL", "+48 12 555", "pl-PL", "Europe/Warsaw",
     "ul. Grodzka"),
    ("Αθήνα", "Αττική", "105 57", "GR", "+30 21 0555", "el-GR", "Europe/Athens", "Οδός Ερμού"),
    ("大阪市", "大阪府", "530-0001", "JP", "+81 6 5550", "ja-JP", "Asia/Tokyo", "北区梅田"),
    ("Nairobi", "Nairobi County", "00100", "KE", "+254 20 555", "en-KE", "Africa/Nairobi",
     "Moi Avenue"),
    ("Montréal", "Québec", "H2Y 1C6", "CA", "+1 514-555-", "fr-CA", "America/Toronto",
     "rue Saint-Paul Ouest"),
)  # fmt: skip
"""(city, region, postal code, country, phone prefix, locale, time zone, street)"""
