-- What a user finds: one line for each answer, for the demo's shell to lay out. Documents may contain
-- anything, so control characters don't reach the terminal.
begin read only;
set local role authenticated;
select carrel.act_as(:'user_id') \gset

select row_number() over (),
    regexp_replace(filename, '[[:cntrl:]\s]+', ' ', 'g'),
    regexp_replace(array_to_string(heading_path[cardinality(heading_path) - 1:], ' › '), '[[:cntrl:]\s]+', ' ', 'g'),
    round(score::numeric, 3),
    regexp_replace(snippet, '[[:cntrl:]\s]+', ' ', 'g')
from carrel.search_chunks(:'question', max_results => :count);
commit;
