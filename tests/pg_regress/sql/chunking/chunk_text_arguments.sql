-- Arguments that chunk_text() refuses, and what it says.
\pset format unaligned
select arguments, outcome(format('select count(*) from carrel.chunk_text(''some text'', %s)', arguments)) from (values
    ('chunk_size => 1'), ('chunk_size => 0'), ('chunk_size => -5'), ('chunk_size => null'), ('chunk_size => 2147483647'),
    ('chunk_overlap => -1'), ('chunk_overlap => null'), ('10, 5'), ('10, 9'), ('10, 10'), ('10, 11'), ('chunk_overlap => 1600'),
    ('unit => ''words'''), ('unit => ''Words'''), ('unit => ''bytes'''), ('unit => '''''), ('unit => null'),
    ('unit => ''words'', chunk_size => 1'), ('unit => ''words'', chunk_size => 2147483647'),
    ('format => ''markdown'''), ('format => ''html'''), ('format => ''json'''), ('format => ''yaml'''), ('format => ''pdf'''), ('format => null'),
    ('unit => ''tokens'''), ('unit => ''tokens'', chunk_size => 3'),
    ('encoding => ''o200k'''), ('encoding => ''gpt2'''), ('encoding => null')
) as given (arguments);

-- They are refused for a null text too.
select outcome('select count(*) from carrel.chunk_text(null, 0)');

-- It is a function of its arguments alone: usable in an index expression or a generated column, were it wise.
select provolatile, proparallel from pg_proc where oid = 'carrel.chunk_text'::regproc;
