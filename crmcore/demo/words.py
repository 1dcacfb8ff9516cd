"""What the demo's company sells and says: products, industries, subjects."""

from __future__ import annotations

from typing import Final

COMPANY: Final = "Helios Instruments"

PRODUCTS: Final = (
    # sku, name, category, type, unit, list price in euros
    ("HI-100", "Thermo 100 handheld", "Measuring / Temperature", "GOODS", "piece", "189"),
    ("HI-120", "Thermo 120 logger", "Measuring / Temperature", "GOODS", "piece", "349"),
    ("HI-180", "Thermo 180 probe set", "Measuring / Temperature", "GOODS", "set of 6", "96"),
    ("HI-200", "Hygro 200", "Measuring / Humidity", "GOODS", "piece", "412"),
    ("HI-210", "Hygro 210 Röhre", "Measuring / Humidity", "GOODS", "piece", "538"),
    ("HI-300", "Baro 300", "Measuring / Pressure", "GOODS", "piece", "690"),
    ("HI-310", "Baro 310 Ex", "Measuring / Pressure", "GOODS", "piece", "1240"),
    ("HI-330", "Baro 330 manifold", "Measuring / Pressure", "GOODS", "piece", "2150"),
    ("HI-400", "Flow 400", "Measuring / Flow", "GOODS", "piece", "2980"),
    ("HI-410", "Flow 410 ultrasonic", "Measuring / Flow", "GOODS", "piece", "6400"),
    ("HI-420", "Flow 420 Coriolis", "Measuring / Flow", "GOODS", "piece", "11900"),
    ("HI-500", "Spectro 500", "Laboratory", "GOODS", "piece", "18500"),
    ("HI-510", "Spectro 510 IR", "Laboratory", "GOODS", "piece", "27400"),
    ("HI-520", "Chromato 520", "Laboratory", "GOODS", "piece", "36900"),
    ("HI-530", "Titrator 530", "Laboratory", "GOODS", "piece", "7800"),
    ("HI-590", "Cuvettes, quartz", "Laboratory / Supplies", "GOODS", "pack of 12", "148"),
    ("HI-591", "Calibration gas", "Laboratory / Supplies", "GOODS", "bottle 10 l", "215"),
    ("HI-592", "Filter papers", "Laboratory / Supplies", "GOODS", "pack of 100", "24.5"),
    ("HI-600", "Gateway 600", "Connected", "GOODS", "piece", "870"),
    ("HI-610", "Gateway 610 LTE", "Connected", "GOODS", "piece", "1130"),
    ("HI-620", "Sensor node 620", "Connected", "GOODS", "pack of 5", "445"),
    ("HI-690", "Mounting kit", "Accessories", "GOODS", "set", "58"),
    ("HI-691", "Carrying case", "Accessories", "GOODS", "piece", "79"),
    ("HI-692", "Lithium battery", "Accessories", "GOODS", "pack of 4", "31.9"),
    ("SV-010", "Calibration, on site", "Services", "SERVICE", "day", "1150"),
    ("SV-020", "Calibration, in our laboratory", "Services", "SERVICE", "instrument", "185"),
    ("SV-030", "Commissioning", "Services", "SERVICE", "day", "1290"),
    ("SV-040", "Training for operators", "Services", "SERVICE", "day", "1480"),
    ("SV-050", "Repair, flat rate", "Services", "SERVICE", "instrument", "260"),
    ("SW-010", "Helios Cloud Basic", "Software", "SUBSCRIPTION", "site and month", "49"),
    ("SW-020", "Helios Cloud Pro", "Software", "SUBSCRIPTION", "site and month", "129"),
    ("SW-030", "Helios Insight", "Software", "SUBSCRIPTION", "user and month", "38"),
)

INDUSTRIES: Final = (
    # name, weight, what a company of it may be called: in European languages, in Chinese
    ("Machinery", 16, "Technik Maschinen Engineering Dynamics Motion", "机械 精工 重工"),
    ("Chemicals", 12, "Chemie Chem Polymers Synthesis", "化工 新材料"),
    ("Food and drink", 14, "Foods Brauerei Molkerei Delikat Fine_Foods", "食品 饮料"),
    ("Pharmaceuticals", 9, "Pharma Biotec Laboratories Vita", "医药 生物"),
    ("Energy", 9, "Energie Power Solar Wind", "能源 电力"),
    ("Water and waste", 6, "Aqua Wasser Environment", "水务 环保"),
    ("Electronics", 10, "Elektronik Micro Semicon Systems", "电子 半导体 信息"),
    ("Logistics", 7, "Logistik Cargo Transport", "物流 运输"),
    ("Construction", 8, "Bau Construct Building", "建筑 工程"),
    ("Research", 5, "Institut Research Labs", "研究 检测"),
    ("Retail", 4, "Handel Markets Trading", "贸易 商贸"),
)

FANTASY: Final = (
    "Nova Alpen Nord Rhein Baltic Orion Vega Atlas Delta Kron Lumen Ostra Pega Quanta Sigma Terra Ultra Veritas Zenit "
    "Boreal Cobalt Delphi Élan Fénix Granit Hexa Ibex Jura Kappa Linea Meridian Ångström Öko Prisma Rondo Súper Tango"
)
FANTASY_CHINESE: Final = "华 中 东方 长城 金 天 瑞 鼎 恒 泰 新 远 宏 盛 明 海 龙 凤 兴 和"

TITLES: Final = (
    ("Managing Director", "DECISION_MAKER"),
    ("Head of Purchasing", "BUYER"),
    ("Purchasing", "BUYER"),
    ("Laboratory Manager", "USER"),
    ("Quality Manager", "EVALUATOR"),
    ("Process Engineer", "TECHNICAL"),
    ("Maintenance Planner", "TECHNICAL"),
    ("Chief Financial Officer", "PAYER"),
    ("Accounts Payable", "PAYER"),
    ("Plant Manager", "INFLUENCER"),
    ("Research Associate", "USER"),
)

SOURCES: Final = "referral trade_fair website cold_call partner newsletter existing_customer"
LOST_REASONS: Final = (
    "Price",
    "Price",
    "Competitor was faster",
    "No budget this year",
    "Project stopped",
    "Function missing",
    "No decision",
    "Went with the present supplier",
)
COMPETITORS: Final = "Messwerk Probetec Sensoria LabNord"

CASES: Final = (
    # type, weight, category, subject, resolution
    ("ENQUIRY", 18, "Product / Use", "How is {product} set to a second language?", "Sent the chapter of the manual."),
    ("ENQUIRY", 8, "Product / Choice", "Which probe fits {product}?", "Recommended the probe set, with data sheet."),
    ("SERVICE_REQUEST", 18, "Calibration", "Yearly calibration of {product}", "Calibrated, certificate sent."),
    ("SERVICE_REQUEST", 8, "Spare parts", "Spare battery for {product}", "Sent from stock."),
    ("COMPLAINT", 10, "Delivery / Late", "Delivery of {product} is late", "Delivered by courier, freight refunded."),
    ("COMPLAINT", 6, "Delivery / Damaged", "{product} arrived with a broken display", "Replaced."),
    ("COMPLAINT", 5, "Invoice", "Discount is missing on the invoice", "Credit note sent."),
    ("TECHNICAL", 14, "Product / Fault", "{product} drifts after an hour", "New firmware, drift within limits."),
    ("TECHNICAL", 8, "Software", "Helios Cloud shows no values since Monday", "Gateway restarted from remote."),
    ("SUGGESTION", 4, "Product / Wish", "Export of {product} as CSV", "Passed on to product management."),
    ("ORDER_ENQUIRY", 12, "Order / Status", "When does our {product} arrive?", "Told the date of arrival."),
)

TALK: Final = {
    # what is said when: kind, direction, subject, body
    "deal": (
        ("CALL", "OUT", "First talk about {product}", "They want to replace their present devices this year."),
        ("MEETING", "OUT", "Demonstration of {product}", "Showed it on their own samples; the operators liked it."),
        ("EMAIL", "OUT", "Offer for {product}", "Sent the offer with two options and the delivery time."),
        ("EMAIL", "IN", "Questions about the offer", "Asks for a longer warranty and for the calibration certificate."),
        ("CALL", "OUT", "Follow-up on the offer", "The budget is being decided; call again next week."),
        ("VISIT", "OUT", "Visit of the plant", "Saw the line; three measuring points instead of two."),
        ("NOTE", "INTERNAL", "Competition", "A cheaper offer is on the table; service is our point."),
    ),
    "case": (
        ("EMAIL", "IN", "{subject}", "Please help us soon, production is waiting."),
        ("CALL", "IN", "{subject}", "Describes it at length, friendly."),
        ("EMAIL", "OUT", "Re: {subject}", "Thank you for writing. We have looked at it and this is what we suggest."),
        ("CALL", "OUT", "Re: {subject}", "Explained the next steps; agreed on a date."),
        ("CHAT", "IN", "{subject}", "Asked in the chat of the website."),
    ),
    "care": (
        ("CALL", "OUT", "How is it going?", "Content with the devices; a new line is planned for spring."),
        ("VISIT", "OUT", "Yearly talk", "Went through the year: delivery good, invoices could be simpler."),
        ("EMAIL", "OUT", "Greetings and news", "Sent the new catalogue and an invitation."),
    ),
    "other": (
        ("EMAIL", "IN", "Price list", "Asks for the present price list."),
        ("CALL", "IN", "Change of address", "They move to a new building at the end of the quarter."),
        ("EMAIL", "OUT", "Invitation to the trade fair", "Invited with two tickets."),
        ("CHAT", "IN", "Data sheet", "Found the data sheet on the website with our help."),
        ("NOTE", "INTERNAL", "Change of staff", "The head of purchasing retires in summer."),
        ("CALL", "OUT", "Short call", "Nobody there, left a message."),
    ),
}

CARE_GOALS: Final = (
    "Two talks a quarter, one visit a year",
    "Win back trust after the late deliveries",
    "Keep the framework contract",
    "Introduce Helios Cloud at all sites",
    "Know all decision makers by name",
)
