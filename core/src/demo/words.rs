//! The words that a crowd is made of: names, things, doings. Each list is one text, words apart by spaces.

/// Given names from many places.
pub(super) const GIVEN: &str = "\
Abel Ada Adaeze Adrián Agnieszka Aiko Ailsa Ainhoa Aisha Alasdair Albena Aleksander Alma Amadou Amélie Amina Anaïs \
Andrzej Anjali Anneli Anouk Antônio Anwen Aoife Arash Ariadne Arjun Arne Árpád Asel Astrid Ayşe Azadeh Baptiste \
Bartosz Beatriz Benedikt Bernice Birgit Björn Bogdan Bohdana Bronwen Caio Camille Carys Cécile Cedric Chiara Chidi \
Çiğdem Ciarán Clara Clémence Conrad Dafydd Dalia Damir Danuta Dariusz Deirdre Desta Dilara Dimitra Divya Dragana Dylan \
Edda Edith Efua Eilidh Eino Elif Eliška Elodie Eluned Emre Enikő Erasmus Erdem Esi Esteban Étienne Eudora Ewan Fadil \
Farah Fatou Ferenc Fikret Fiona Florian Françoise Freya Gaël Gerda Giulia Gizem Goran Grete Guðrún Gwilym Habiba Håkon \
Hamza Hedvig Heitor Helmi Hiroshi Honora Ibrahim Idris Ignacy Ilse Imani Imre Inés Ingeborg Irene Isolde Ivar Iwona \
Jadwiga Jamila Jarmila Jasper Jelena Joaquín Jolana Jonas Jorge Jürgen Kaisa Kalina Karim Kasper Katarína Keiko Kenza \
Kerstin Khadija Kiran Kofi Krisztina Lamine Lars László Latifa Leif Leonor Libuše Linnea Lorcan Lucía Ludvík Lydia \
Maarten Magnus Maja Malik Manon Marek Margit Mathilde Mehmet Mei Merete Mihai Milan Mirjam Moritz Nadia Naoko Neil \
Niamh Nikola Noor Núria Odile Ольга Ömer Otília Paavo Padma Pelle Petra Quentin Radka Rafael Ragnhild Raúl Renata \
Rhiannon Roksana Rosa Rúben Sabine Salma Sanne Saskia Sébastien Selma Sibusiso Sigrid Siobhán Søren Stefania Sunita \
Tadeusz Tamar Tariq Teresa Thandiwe Théo Tiina Tove Ulrika Valérie Viggo Wiebke Xavier Yaw Ylva Yusuf Zahra Željko \
Zofia";

/// Family names from many places.
pub(super) const FAMILY: &str = "\
Aalto Abara Achieng Adeyemi Agyeman Ahlgren Akande Albescu Alcázar Almeida Amundsen Andrade Ångström Antonescu \
Appelgren Araújo Arbuthnot Arslan Asante Ashdown Atkinson Aubrée Ávila Aydın Bachmann Bagnall Balogun Banerjee \
Baranowski Barrientos Bassey Beauchêne Bednář Bellweather Benítez Bergqvist Beringer Bianchetti Bielak Birkeland \
Blanchard Boateng Bodnár Bonnard Borgström Boškovič Bouchard Brackenbury Brandão Breckenridge Brodeur Brzezicki Bùi \
Burgstaller Caldwell Calvário Cankar Carmichael Castellano Çelik Černý Chakrabarti Chevallier Chikere Chlebowski \
Christodoulou Cîrstea Clutterbuck Coelho Corrigan Côté Courtenay Cox Csonka Czarnecki Dahlström Danjuma Daróczi \
Dąbrowska Deschamps Devereux Diallo Dimitrov Dlamini Dołęga Domènech Donoghue Drăgan Dubnik Duchesne Dumitrescu Dvořák \
Ebersbach Echeverría Edelmann Eide Ekström Elbaz Emberton Engelbrecht Erdoğdu Escobedo Espinoza Eszterházi Etchegaray \
Fairweather Falkenberg Farkas Fernández Ferreira Fitzwilliam Fjeldstad Fontaine Forsberg Fournier Fredriksen \
Friedländer Fuentes Gabor Galbraith García Gauthier Geiringer Ghorbani Giannopoulos Gilfillan Głowacki Gómez Gosselin \
Grabowski Granström Grünwald Guðmundsdóttir Guerreiro Gunnarsson Gutiérrez Haakonsen Habermann Hadžić Håkansson \
Halvorsen Hamdan Harðarson Hargreaves Hashimoto Havlíček Hedström Heikkinen Hernández Hjelm Hoàng Holmqvist Horváth \
Hrubý Huerta Hüseyin Ibáñez Idowu Iglesias Iliescu İnan Ingebrigtsen Iordache Ishikawa Ivanović Jääskeläinen Jablonský \
Jakobsson Janáček Jaramillo Jedynak Jóhannesson Jørgensen Juárez Kaczmarek Kadeřábek Kahananui Kalantari Kamara \
Karagöz Karlström Katsaros Kavanagh Keränen Khumalo Kiełbasa Kjærgaard Klíma Kobayashi Kołodziej Korhonen Kovačević \
Kowalczyk Krüger Kučera Kurtuluş Kvist Laaksonen Labuschagne Lachance Lagerström Laín Landvik Larrieu Lauritzen Lê \
Lefèvre Leszczyńska Lindqvist Llewellyn Lőrincz Loughnane Łukasik Lundgren Lymbery Machado MacGillivray Madsen \
Mahlangu Maierhofer Mäkinen Malmström Marchetti Márquez Mašek Matějka Mbatha McAllister Mensah Mészáros Mićić \
Mikkelsen Moeller Mokoena Montagnier Moreau Mørk Mraz Mukherjee Müller Muñoz Nadeau Nagy Nakashima Ndiaye Němec Ngata \
Nieminen Nordenskiöld Novotný Núñez Nyström O'Brien O'Shaughnessy Obradović Ödegaard Okafor Olszewski Ordóñez Ørsted \
Oyelaran Özdemir Pachulski Pálsdóttir Papadakis Pärn Paszek Pelletier Peñaloza Pereira Petrauskas Pfeiffer Phạm Piątek \
Pienaar Popović Quiñones Quinlan Rådberg Raghunathan Ramírez Rasmussen Rautio Ravn Řezníček Rodríguez Rønning Rousseau \
Różański Sæther Sahlberg Salazar Šebesta Seppälä Sigurjónsson Škoda Sokołowska Sørlie Steinbrück Strömgren Suárez \
Szabó Szczepański Takahashi Tătaru Thibault Thorgerson Tikkanen Tóth Trịnh Tshabalala Ueda Urbánek Vågen Valtonen \
Vásquez Veřmiřovský Villeneuve Vögele Wåhlin Wawrzyniak Weiß Winterbourne Wójcik Yamashita Yıldız Zając Zdeněk Žitnik \
Zúñiga";

/// Things whose plural follows the rule.
pub(super) const NOUNS: &str = "\
account address advert agenda agreement airport alarm album amount anchor angle answer apprentice apron archive \
argument artist auction audit author award badge bakery balcony barge barrel basket battery beach bearing bed bell \
belt bench bicycle bill bin blanket board boat boiler bolt book border bottle boundary bow bowl bracket brewer brick \
bridge brochure broker brother bucket budget builder bulb buyer cabin cabinet cable calendar camera candle canteen \
captain car caravan carpenter carpet carrier cart carton case cashier castle catalogue cellar ceramic certificate \
chain chair chamber chart chef chimney choir circle clamp clerk client clinic clock cloth coach coast colour column \
comment committee compass complaint component container contract contractor cook corner cost counter courier course \
courtyard cousin cover cradle crane crate credit crew crop crossing cupboard curtain curve cushion customer daughter \
deadline dealer debt deck delay demand department deposit depot desk detail diagram diary dinner director discount \
dispatcher dock doctor document dome donor door draft drain drawer drawing dream driver drum dyer edge editor effort \
elevator employer engine engineer entrance envelope error estate estimate evening event exam exhibit expense expert \
export fabric factor fair farm farmer favour fence ferry festival fibre field figure file filter finger fitting flag \
flat fleet floor florist folder footpath forecast forest forge fork form founder fountain frame freezer fridge friend \
fund furnace garage garden gardener gate generator gift glazier glove goal grain grant graph grocer guard guest guide \
guild habit hall hammer handle handover hanger harbour hat headline heater hedge helper hinge holiday hook host hotel \
hour idea import income index inspector instrument insurer interview invitation invoice island jacket jar jetty job \
joiner journal journey judge kennel kettle kiln kitchen label ladder lamp landlord lane laptop lawyer leaflet lease \
lecture ledger lesson letter level licence lid lift light limit line link list loan lock lodger loom lot machine \
magazine manager manual map margin market mason material meal measure mechanic meeting member mentor menu merchant \
message metal meter method mill mirror mistake model moment monitor month motor museum nail needle neighbour network \
nurse oar object offer office orchard order organ oven owner package page painter pallet panel parcel parent park \
partner passage path patient pattern payment pedal pencil pension permit phone photo piano picture pier pilot pipe \
plan plank plant plate platform plot plug plumber pocket poem poster pot potter price printer problem product profit \
programme project promise proof proposal pump quarter question queue rack radio raft rail ramp range rate receipt \
recipe record refund region rent repair report request result review reward ring river road robot roof room root rope \
rota route rule sailor sale sample saw scale scanner schedule school screen screw seal season seat secret section \
seller sensor service shed sheet shelter shift ship shop shower sign signal silo sister site sketch sleeve slope smith \
socket song speaker spring stall stamp station sticker stool storm street student studio subject sum supper supplier \
survey switch symbol system table tailor tank target task taxi teacher team tenant tender tent term test thread ticket \
tide tile timber timetable title tool topic tower town trader trailer train tram tray treasurer tree trend trial \
trolley truck tunnel turbine tutor uncle uniform union unit valley valve van vendor venue verdict village visa visit \
visitor voice volunteer voucher wagon waiter wall warden warehouse warning weaver wedding week weekend weight welder \
wheel window winter wire worker workshop yard year zone";

/// Doings that follow the rule: -s, -ed, -ing.
pub(super) const VERBS: &str = "\
accent accept account adapt add afford aid alarm amend answer approach ask attend avoid await award beam block board \
boil borrow broaden broker camp cart claim clasp clean clear click coach comfort compact compost conceal conduct \
confess confirm connect consent consider contact contain convert cook cool count cover crack crash credit cross dampen \
debit deepen defend defrost delay demand deposit detail develop direct discard disclaim discount discover discuss \
display distort divert divest down draft dust earn elect embark enact end endow enjoy enlist enter exceed exhaust \
expand expect explain export extend extract fasten favour fetch film filter finish fix float flood flow fold follow \
form foster freshen gain gather grant grasp grill guard guess harvest head heal heat help honour hover import inherit \
insert inspect intend invest join knock lack last launch learn lengthen lift limit load lock look loosen lower mail \
market melt mend mention mirror miss monitor muster nail obstruct obtain offer open order overlook paint park partner \
pass perform photograph pick plant plough point post predict present press print profit prompt protect pull push \
question quilt raft ransom reach recall record recount redirect refill refresh register rent reopen report request \
resist respect restart restock result risk roast scatter scold scratch screen search select shelter shorten shout sign \
sketch soften sound spell spray start steam steer stow strengthen subject summon support survey tailor target test \
thank thread tighten toss track train treat trust turn twist uncover unfold unload unlock visit vouch want warn water \
weld whisper widen wish";

/// What things are like.
pub(super) const ADJECTIVES: &str = "\
able absent abrupt active actual ample ancient annual anxious apt awkward bare basic big bitter blank bleak blue blunt \
bold brave brief bright brisk broad broken brown bulky busy calm candid careful careless casual central certain cheap \
cheerful chilly civil clean clear clever close coarse cold common compact complete complex cool correct costly crisp \
crooked crowded cunning curious current damp daring dark dear deep delicate dense different direct distant double drab \
dry dull dusty eager early eastern elegant empty endless equal exact excellent extra faint fair familiar famous fancy \
fast fierce final fine firm flat flexible fluent foggy foreign formal forward fragile frank free frequent fresh \
friendly frosty full funny general generous gentle genuine glad global glossy golden good grand grateful great green \
grey grim handy happy hard harsh heavy helpful hidden high hollow honest hopeful huge humble icy ideal idle important \
inner instant keen kind large late lazy lean legal level light likely little lively local lonely long loose loud \
lovely loyal lucky mad main major massive mature mild minor mixed modern modest muddy narrow national natural neat \
nervous new nimble noble noisy northern novel obvious odd official old only open orange orderly ordinary outer pale \
partial patient peculiar perfect plain pleasant polite poor popular portable practical precise pretty previous private \
prompt proper proud prudent public punctual quick quiet random rapid rare raw ready real recent regular reliable rich \
right rigid ripe robust rough round rural rusty sad safe salty scarce secret secure sensible separate serious severe \
shallow sharp shiny short shy silent silver simple single sleepy slender slow small smart smooth sober social soft \
solid sour southern spare special stable steady steep sticky stiff still stormy straight strange strict strong \
stubborn sturdy subtle sudden sunny sure sweet swift tall tame tart tender thick thin thorough tidy tight tiny tired \
tough tricky true typical uneven unusual upper urban urgent useful usual vague valid vast vital warm weak western wet \
white whole wide wild windy wise wooden young";

/// How things are done.
pub(super) const ADVERBS: &str = "\
ably absently amply aptly awkwardly barely blankly bluntly boldly bravely briefly brightly briskly broadly calmly \
candidly carefully casually cheaply cheerfully clearly cleverly closely coldly correctly crisply curiously deeply \
densely directly doubly drily eagerly easily elegantly equally exactly faintly fairly finally firmly flatly formally \
frankly freely freshly fully gently gladly gracefully gravely happily harshly heavily helpfully honestly hopefully \
humbly idly keenly kindly lately lazily lightly loosely loudly loyally madly mainly mildly modestly narrowly naturally \
neatly nervously nimbly noisily oddly officially openly patiently plainly pleasantly politely precisely promptly \
properly proudly quickly quietly rapidly rarely readily really regularly reliably richly rigidly roughly safely \
sensibly severely sharply shortly shyly silently simply slowly smoothly softly solidly soundly steadily steeply \
stiffly strangely strictly strongly subtly suddenly surely sweetly swiftly tamely tenderly thickly thinly thoroughly \
tidily tightly truly urgently usefully vaguely warmly weakly widely wildly wisely";

/// The first half of a made-up company.
pub(super) const COMPANY_HEADS: &str = "\
Alder Amber Bramble Copper Ember Granite Halcyon Heron Juniper Kestrel Linden Meadow Pebble Raven Slate Willow";

/// Its second half.
pub(super) const COMPANY_TAILS: &str = "\
bank beam bridge craft dale field fold forge gate line mark mere mill path port span stead stone ware works yard";

/// The first half of a made-up town.
pub(super) const TOWN_HEADS: &str = "\
Ash Bar Brack Cald Dun Elm Fal Gren Hal Inver Kel Lang Mar Nor Ock Pen Rad Sel Thorn Ul Wex Yar";

/// Its second half.
pub(super) const TOWN_TAILS: &str = "\
bourne bury combe den ford ham holm hurst ley mouth ness sea stead ton wick worth";

/// What people of a crowd do for a living.
pub(super) const ROLES: &str = "\
accountant baker buyer captain carpenter chemist clerk conductor cook courier curator dentist designer director dispatcher \
driver editor electrician engineer estimator farmer founder gardener glazier inspector joiner librarian manager mason mechanic \
nurse painter pharmacist pilot planner plumber printer producer researcher roofer salesman secretary solicitor surveyor tailor \
teacher translator treasurer welder";

/// What a crowd cares about.
pub(super) const INTERESTS: &str = "\
archery astronomy baking batik bees birds boats brass-bands bridges ceramics chess choirs cinema climbing cricket cycling \
dancing fencing fishing gardens glass go hiking history jazz judo kites knitting languages maps mountains opera orchids \
pigeons poetry puzzles radio railways rowing sailing skating stamps surfing tea theatre volcanoes weaving woodwork yoga";

/// Sentences with gaps: a noun, several nouns, a verb in its three forms, an adjective, an adverb, a company, a
/// town, a number, a day.
pub(super) const SENTENCES: &[&str] = &[
    "The {a} {n} in {town} is worth another {n}.",
    "They {v} every {n} twice and still lose the {a} one.",
    "{co} has {ved} its {ns}, and nobody told the {n}.",
    "Asked about the {n}; the answer was {a} and rather {a}.",
    "We spoke {ly} about {ns} and {ns}, less about the {n}.",
    "By {day} somebody has to {v} the {a} {n}.",
    "Went with their {n} to {town}, where {num} {ns} were waiting.",
    "It is not the {n} that costs, it is {ving} the {n}.",
    "Would like to meet whoever {vs} {ns} at {co}.",
    "Last {day} one {n} too many, this {day} one {n} too few.",
    "The {a} part was {ving}; the rest went {ly}.",
    "Next time bring the {n}, and ask {ly} for the {ns}.",
    "{co} and {co} share one {n} and do not know it.",
    "After {num} weeks the {ns} are {a} again.",
    "Said that every {n} should {v} before it is {ved}.",
    "Nobody in {town} {vs} {ns} as {ly} as they do.",
    "I offered the {n}; they would rather have {ns}.",
    "One {a} {n}, {num} {a} {ns}, and hardly one {n} between them.",
    "Their best {n} comes from {town} and {vs} on {day}.",
    "Remember: {ly}, and never before the {n} has {ved}.",
];
