/** The parameters of `changesQuery`. */
export interface ChangesParameters {
  chat_id: number
  after: number
  until: number
  limit: number
}

/**
 * The query for the messages of @chat_id with @after < seq <= @until, ascending by seq, at most @limit of them.
 * `columns` are columns of `messages m` and include `seq`; `join` adds the tables of other columns.
 *
 * A message that was never changed has seq = id and is found by the primary key, a changed one by the partial index
 * `messages_changed`. Each half stops at @limit. The first half reads no further than the second half got: otherwise,
 * it would skip over many changed messages that belong to a later page. The `+` keeps the query plan: see `param` in
 * drizzle.ts.
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
