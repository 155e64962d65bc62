"""Libraries to and from SKOS, CSV and Parquet: for thesaurus editors, spreadsheets and data frames."""
