/**
 * The query for the messages of @chat_id with @after < seq <= @until, at most @limit, ascending by seq.
 *
 * A message never changed has seq = id and is found by the primary key; a changed one by the index `messages_changed`.
 * Either half stops at @limit, and the first looks no further than the second got, so that it does not wade through
 * changed messages that a later page has anyway. The `+` keeps the plan: see `param` in drizzle.ts. `columns` are of `messages m`, with `seq`; `join` adds their tables.
 */
export function changesQuery(columns: string, join = ''): string {
  return `
    select * from (
      select ${columns} from messages m ${join}
      where m.chat_id = +@chat_id and m.seq = m.id and m.id > +@after and m.id <= coalesce((
        select seq from messages
        where chat_id = +@chat_id and seq > id and seq > +@after and seq <= +@until
        order by seq limit 1 offset +@limit - 1), +@until)
      order by m.id limit +@limit)
    union all
    select * from (
      select ${columns} from messages m ${join}
      where m.chat_id = +@chat_id and m.seq > m.id and m.seq > +@after and m.seq <= +@until
      order by m.seq limit +@limit)
    order by seq limit +@limit`
}

/** The parameters of `changesQuery`. */
export interface ChangesAsked {
  chat_id: number
  after: number
  until: number
  limit: number
}
