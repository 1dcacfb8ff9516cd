"""Where the demo's customers live: names, cities and company forms of ten countries, each written as it is there."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """Names are split at blanks. `cities` are city:region:postcode, with # for a digit of the postcode."""

    code: str
    name: str
    share: int
    language: str
    zone: str
    dial: str
    currency: str
    rate: str
    domain: str
    women: str
    men: str
    families: str
    cities: str
    streets: str
    forms: str
    family_first: bool = False

    @property
    def per_euro(self) -> Decimal:
        return Decimal(self.rate)


COUNTRIES: Final = (
    Country(
        code="DE",
        name="Germany",
        share=26,
        language="de",
        zone="Europe/Berlin",
        dial="+49",
        currency="EUR",
        rate="1",
        domain="de",
        women="Anna Katharina Sabine Jürgen-Anna Ulrike Heike Lena Mia Käthe Franziska Birgit Svenja Annegret "
        "Grit Jana",
        men="Jürgen Björn Stefan Günther Lukas Felix Matthias Rüdiger Sören Jörg Thorsten Emil Anton Paul Holger",
        families="Müller Schäfer Weiß Größer Köhler Krüger Böhm Jäger Schröder Vogt Brandt Hartmann Lehmann Kühn "
        "Neumann Pfeiffer Günther Voß Strauß Möller Fröhlich Baumgärtner Dietrich Ziegler Hübner",
        cities="Berlin::10### Hamburg::20### München:Bayern:80### Köln:Nordrhein-Westfalen:50### "
        "Nürnberg:Bayern:90### "
        "Dresden:Sachsen:01### Lübeck:Schleswig-Holstein:23### Münster:Nordrhein-Westfalen:48### "
        "Görlitz:Sachsen:028## Tübingen:Baden-Württemberg:720##",
        streets="Hauptstraße Gartenweg Lindenallee Königstraße Am_Hafen Industriestraße Bahnhofstraße Mühlweg",
        forms="GmbH AG GmbH_&_Co._KG KG",
    ),
    Country(
        code="CN",
        name="China",
        share=16,
        language="zh-Hans",
        zone="Asia/Shanghai",
        dial="+86",
        currency="CNY",
        rate="7.8",
        domain="cn",
        family_first=True,
        women="芳:fang 娜:na 秀英:xiuying 敏:min 静:jing 丽:li 婷婷:tingting 雪:xue 欣怡:xinyi 梓涵:zihan "
        "玉兰:yulan 晓燕:xiaoyan",
        men="伟:wei 强:qiang 磊:lei 军:jun 洋:yang 勇:yong 杰:jie 涛:tao 明:ming 浩然:haoran 子轩:zixuan "
        "志强:zhiqiang 建国:jianguo",
        families="王:wang 李:li 张:zhang 刘:liu 陈:chen 杨:yang 赵:zhao 黄:huang 周:zhou 吴:wu 徐:xu 孙:sun "
        "马:ma 朱:zhu "
        "胡:hu 郭:guo 何:he 林:lin 高:gao 欧阳:ouyang 司马:sima",
        cities="上海:上海市:200### 北京:北京市:100### 深圳:广东省:518### 广州:广东省:510### 杭州:浙江省:310### "
        "苏州:江苏省:215### "
        "成都:四川省:610### 武汉:湖北省:430### 青岛:山东省:266### 西安:陕西省:710###",
        streets="人民路 中山路 解放大道 科技园路 建设路 和平街 新华路 长江路",
        forms="有限公司 股份有限公司 科技有限公司 集团有限公司",
    ),
    Country(
        code="FR",
        name="France",
        share=13,
        language="fr",
        zone="Europe/Paris",
        dial="+33",
        currency="EUR",
        rate="1",
        domain="fr",
        women="Hélène Chloé Zoé Amélie Inès Léa Noémie Éloïse Maëlle Françoise Aurélie Thérèse Agnès Manon",
        men="François Jérôme Loïc Théo Rémi Hervé Benoît Stéphane Gaël André Raphaël Côme Étienne Hugo",
        families="Lefèvre Bélanger Garçon Durand Moreau Lévêque Périn Château Hébert Chrétien Barthélemy "
        "Roussel Noël "
        "Fournier Gérard Mercier Brunet Rivière Poirier Langlois",
        cities="Paris:Île-de-France:750## Lyon:Auvergne-Rhône-Alpes:690## Nîmes:Occitanie:30### Orléans:Centre:45### "
        "Besançon:Bourgogne-Franche-Comté:25### Saint-Étienne:Auvergne-Rhône-Alpes:42### "
        "Nantes:Pays_de_la_Loire:44### "
        "Évry:Île-de-France:91###",
        streets="rue_de_l'Église place_Kléber avenue_Foch rue_des_Écoles boulevard_Voltaire quai_d'Orléans rue_Molière",
        forms="SARL SA SAS et_Fils",
    ),
    Country(
        code="GB",
        name="United Kingdom",
        share=11,
        language="en-GB",
        zone="Europe/London",
        dial="+44",
        currency="GBP",
        rate="0.86",
        domain="co.uk",
        women="Olivia Charlotte Siobhán Freya Isla Poppy Zoë Imogen Harriet Gemma Niamh Chloe Beatrice",
        men="Oliver Harry Callum Alasdair Rhys Owen Seán Toby Nigel Graham Duncan Alfie Declan",
        families="Smith O'Brien Ashworth McKenzie Hughes Fletcher Whitaker Thornton Davies Pemberton Lloyd-Jones "
        "Sinclair Fairbairn Holloway Marsh Bramley Okafor Patel Blackwood",
        cities="London::EC#A_#BB Manchester::M#_#AB Leeds:West_Yorkshire:LS#_#QT Bristol::BS#_#HA "
        "Cardiff:Wales:CF#_#AN "
        "Edinburgh:Scotland:EH#_#YZ Belfast:Northern_Ireland:BT#_#GT",
        streets="High_Street Mill_Lane Church_Road Victoria_Terrace Station_Approach Kingsway Queen_Street",
        forms="Ltd plc LLP & Sons_Ltd",
    ),
    Country(
        code="US",
        name="United States",
        share=10,
        language="en-US",
        zone="America/Chicago",
        dial="+1",
        currency="USD",
        rate="1.08",
        domain="com",
        women="Ashley Jessica Renée Madison Brianna Kayla Lakeisha Guadalupe Chloe Hannah Abigail Peggy",
        men="Tyler Austin José Marcus Bradley Deshawn Jesús Ethan Cody Wesley Hank Logan Trevor",
        families="Johnson Williams García Rodríguez Nguyen Washington Kowalski Peterson Begay Castillo Coleman "
        "Sullivan "
        "Núñez Whitfield Hoffman Delacroix Yamamoto",
        cities="Chicago:IL:606## Austin:TX:787## Seattle:WA:981## Boston:MA:021## San_José:CA:951## Denver:CO:802## "
        "Cañon_City:CO:812##",
        streets="Main_Street Oak_Avenue Lincoln_Boulevard Elm_Street Sunset_Drive Airport_Road 4th_Avenue",
        forms="Inc. LLC Corp. Holdings_Inc.",
    ),
    Country(
        code="ES",
        name="Spain",
        share=7,
        language="es",
        zone="Europe/Madrid",
        dial="+34",
        currency="EUR",
        rate="1",
        domain="es",
        women="Lucía María Sofía Begoña Inés Concepción Ángela Rocío Noelia Belén Verónica Núria",
        men="Íñigo José Joaquín Andrés Óscar Martín Ramón Sebastián Raúl Álvaro Iván Germán",
        families="García Fernández Muñoz Ibáñez Peña Núñez Zúñiga Sánchez Martínez Castaño Ordóñez Vázquez "
        "Güell Domènech",
        cities="Madrid::280## Barcelona:Cataluña:080## Málaga:Andalucía:290## La_Coruña:Galicia:150## "
        "Logroño:La_Rioja:260## San_Sebastián:País_Vasco:200##",
        streets="Calle_Mayor Avenida_de_la_Constitución Gran_Vía Plaza_España Paseo_Marítimo Calle_Peñuelas",
        forms="S.L. S.A. e_Hijos_S.L.",
    ),
    Country(
        code="SE",
        name="Sweden",
        share=5,
        language="sv",
        zone="Europe/Stockholm",
        dial="+46",
        currency="SEK",
        rate="11.3",
        domain="se",
        women="Åsa Linnéa Märta Ebba Saga Britt Ingegerd Malin Freja Elsa",
        men="Åke Göran Håkan Björn Sören Måns Östen Nils Axel Lars",
        families="Åkesson Öberg Sjöström Bergström Lindqvist Hägglund Nyström Källström Wåhlin Söderberg Ström",
        cities="Stockholm::11#_## Göteborg:Västra_Götaland:41#_## Malmö:Skåne:21#_## Örebro::70#_## Västerås::72#_##",
        streets="Storgatan Kungsgatan Skolvägen Björkvägen Åsgatan Hamngatan",
        forms="AB AB_(publ) HB",
    ),
    Country(
        code="PL",
        name="Poland",
        share=5,
        language="pl",
        zone="Europe/Warsaw",
        dial="+48",
        currency="PLN",
        rate="4.3",
        domain="pl",
        women="Małgorzata Zofia Agnieszka Świętosława Elżbieta Bożena Łucja Żaneta Hanna Jadwiga",
        men="Łukasz Paweł Michał Stanisław Krzysztof Rafał Sławomir Wojciech Bogusław Jędrzej",
        families="Wiśniewski Wójcik Kowalczyk Zając Dąbrowski Król Łukaszewicz Żak Szczepański Gołąb Ćwik "
        "Źródło Kamiński",
        cities="Warszawa:mazowieckie:00-### Kraków:małopolskie:30-### Łódź:łódzkie:90-### Gdańsk:pomorskie:80-### "
        "Wrocław:dolnośląskie:50-###",
        streets="ul._Długa ul._Święty_Marcin ul._Piękna al._Jerozolimskie ul._Łąkowa ul._Krótka",
        forms="Sp._z_o.o. S.A. Sp.k.",
    ),
    Country(
        code="BR",
        name="Brazil",
        share=4,
        language="pt-BR",
        zone="America/Sao_Paulo",
        dial="+55",
        currency="BRL",
        rate="6.1",
        domain="com.br",
        women="Conceição Júlia Letícia Antônia Luíza Patrícia Débora Mônica Cecília",
        men="João Antônio Sérgio Luís Otávio Márcio Vinícius Flávio Tomás",
        families="Gonçalves Araújo Conceição Brandão Simões Magalhães Falcão Assunção Guimarães Corrêa Leitão",
        cities="São_Paulo:SP:01###-000 Rio_de_Janeiro:RJ:20###-000 Brasília:DF:70###-000 Goiânia:GO:74###-000 "
        "Florianópolis:SC:88###-000",
        streets="Rua_das_Flores Avenida_Paulista Rua_São_João Praça_da_Sé Rua_Conceição",
        forms="Ltda. S.A. Indústria_e_Comércio_Ltda.",
    ),
    Country(
        code="TR",
        name="Türkiye",
        share=3,
        language="tr",
        zone="Europe/Istanbul",
        dial="+90",
        currency="TRY",
        rate="37",
        domain="com.tr",
        women="Ayşe Çiğdem Gülşen Şebnem Özlem İpek Tuğçe Nurgül Ebru",
        men="Çağlar Oğuz İsmail Şükrü Özgür Tuğrul Ümit Barış Gökhan",
        families="Yıldız Çelik Şahin Öztürk Güneş Kılıç Aydın Doğan Koç Arslanoğlu Tekgöz",
        cities="İstanbul:Marmara:34### Ankara::06### İzmir:Ege:35### Eskişehir::26### Muğla:Ege:48###",
        streets="Atatürk_Caddesi İstiklal_Caddesi Gül_Sokak Çiçek_Sokak Cumhuriyet_Bulvarı",
        forms="A.Ş. Ltd._Şti. Sanayi_A.Ş.",
    ),
)
