import { Agent, request } from 'node:http'

export interface Call {
  method: string
  path: string
  cookie?: string
  body?: object
}

export interface Answer {
  status: number
  text: string
  /** The `Retry-After` header in seconds, if any. */
  retryAfter: number | undefined
}

/** Sends requests over keep-alive connections. There are as many connections as parallel requests. */
export function httpClient(port: number): (call: Call) => Promise<Answer> {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 2000 })
  return ({ method, path, cookie, body }) =>
    new Promise((resolve, reject) => {
      const text = body && JSON.stringify(body)
      const headers = { ...(cookie && { cookie }), ...(text && { 'content-type': 'application/json' }) }
      const sent = request({ agent, host: '127.0.0.1', port, method, path, headers }, response => {
        const chunks: Buffer[] = []
        response.on('data', chunk => chunks.push(chunk))
        response.once('error', reject)
        response.once('end', () => {
          const after = response.headers['retry-after']
          resolve({
            status: response.statusCode as number,
            text: Buffer.concat(chunks).toString(),
            retryAfter: after === undefined ? undefined : Number(after)
          })
        })
      })
      sent.once('error', reject)
      sent.end(text)
    })
}
