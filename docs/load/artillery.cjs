// Artillery replaces variables in the address of a socket but not in its headers: `connect` sets the header.

/** @typedef {{ vars: { chat_id: number, cookie: string, sent_at: number }, ws: import('ws').WebSocket }} Context */
/** @typedef {import('node:events').EventEmitter} Events */

/** @param {{ target: string, options: object }} args @param {Context} context @param {() => void} done */
function connect(args, { vars }, done) {
  args.target += `/ws?chat_id=${vars.chat_id}`
  args.options = { ...args.options, headers: { Cookie: vars.cookie } }
  done()
}

/** Measures the latency of received messages. @param {Context} context @param {Events} events @param {() => void} done */
function listen({ ws }, events, done) {
  ws.on('message', data => {
    const frame = JSON.parse(String(data))
    if (frame.type === 'message') events.emit('histogram', 'broadcast_ms', Date.now() - Number(frame.message))
    else events.emit('counter', `refused.${frame.code}`, 1)
  })
  done()
}

/** @param {Context} context @param {Events} _events @param {() => void} done */
function stamp({ vars }, _events, done) {
  vars.sent_at = Date.now()
  done()
}

module.exports = { connect, listen, stamp }
