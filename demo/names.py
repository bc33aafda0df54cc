"""What the invented customers are called and where they live. All of it is common; none of it is anybody's."""

_GIVEN = """
Adi Agus Aisyah Alya Amelia Andi Anisa Arif Arya Ayu Bagas Bambang Bayu Bella Bintang Cahya Candra Citra
Danang Dani Dara Dian Dimas Dina Dodi Eka Eko Elsa Endah Erwin Fadli Fajar Farah Fauzi Fitri Galih Gilang Gita
Hadi Hana Hani Hendra Heru Ika Indah Indra Intan Irfan Iwan Jaka Joko Kartika Kevin Kirana Laila Laras Lina
Lukman Made Maya Mega Mira Nabila Nadia Nanda Nina Novi Nur Okta Oscar Putra Putri Rahma Raka Rama Rani Ratna
Reza Rian Rina Rini Rizky Rudi Salsa Satria Sekar Sinta Siska Surya Taufik Tiara Tika Tono Tri Umar Vina Wahyu
Wati Widya Yanti Yoga Yudi Yuni Zahra
"""
GIVEN = _GIVEN.split()

_FAMILY = """
Anggraini Ardiansyah Astuti Darmawan Fauzan Firmansyah Ginting Hakim Halim Handayani Harahap Hasanah Hidayat
Iskandar Kurniawan Kusuma Lubis Maharani Mahendra Maulana Nainggolan Nasution Nugroho Oktaviani Permata
Pradana Pramono Prasetyo Pratama Purnama Puspita Rahayu Ramadhan Saputra Santoso Sasmita Setiawan Siregar
Situmorang Suharto Sulistyo Suryadi Susanto Sutanto Tanjung Utami Utomo Wibowo Wulandari Yulianto
"""
FAMILY = _FAMILY.split()

STREETS = (
    "Jl. Anggrek",
    "Jl. Bougenville",
    "Jl. Cempaka",
    "Jl. Dahlia",
    "Jl. Flamboyan",
    "Jl. Kenanga",
    "Jl. Melati",
    "Jl. Teratai",
)

CITIES = (
    ("Jakarta Selatan", "12160"),
    ("Jakarta Pusat", "10310"),
    ("Jakarta Barat", "11480"),
    ("Tangerang", "15111"),
    ("Depok", "16411"),
    ("Bekasi", "17141"),
    ("Bogor", "16121"),
)

MAIL = ("example.com", "example.net", "example.org")
"""Reserved for documentation (RFC 2606): mail sent there reaches nobody."""
