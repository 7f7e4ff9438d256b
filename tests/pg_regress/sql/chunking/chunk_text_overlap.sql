-- chunk_overlap: a chunk begins with the end of the one before, at a boundary, within chunk_size.
select chunk_index, content, start_offset, end_offset, size
from carrel.chunk_text('One two three. Four five six. Seven eight nine. Ten eleven.', 30, 15);

-- For many sizes and overlaps: chunks get ahead, overlap no more than they may, and leave no gap but blanks.
with made as (
    select asked, quarter, overlap, c.*, lag(end_offset) over w as before_end, lag(start_offset) over w as before_start
    from generate_series(5, 60, 5) as asked, generate_series(0, 4) as quarter, lateral (select asked * quarter / 8 as overlap) as o,
        carrel.chunk_text('It was the best of times, it was the worst of times. It was the age of wisdom. It was the age of foolishness; so it was.', asked, overlap) as c
    window w as (partition by asked, quarter order by chunk_index)
)
select count(*) > 100 as many, bool_and(start_offset > before_start and end_offset > before_end) as get_ahead,
    bool_and(before_end - start_offset <= overlap) as within_overlap, bool_and(start_offset - before_end <= 1) as no_gap
from made where chunk_index > 0;
