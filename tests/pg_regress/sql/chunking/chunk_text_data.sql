-- JSON and YAML are cut between members, the outermost that fit.
\pset format unaligned
select chunk_index, content, start_offset from carrel.chunk_text('{"name": "carrel", "tags": ["a", "b, c"], "deep": {"x": [1, 2, 3], "y": {"z": null}}, "last": "}{"}', 40, format => 'json');
select content from carrel.chunk_text(E'{"id": 1, "t": "one, two"}\n{"id": 2, "t": "three"}\n{"id": 3}\n', 30, format => 'json');
select content from carrel.chunk_text(E'# Settings\nname: carrel\n\nservices:\n  web:\n    image: nginx\n    ports: [80, 443]\n  db:\n    image: postgres\n    notes: |\n      key: no\n\n      - no\nlast: 1\n', 60, format => 'yaml');
-- As text they would be cut elsewhere.
select content from carrel.chunk_text('{"name": "carrel", "tags": ["a", "b, c"], "deep": {"x": [1, 2, 3], "y": {"z": null}}, "last": "}{"}', 40);
