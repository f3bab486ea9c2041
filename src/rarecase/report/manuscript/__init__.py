"""What of a run or a comparison goes into a paper about it: a methods text, references, tables, and
which items of reporting guidelines it answers. (The paper that this program is after stands in
`report.tables_paper`.)"""
