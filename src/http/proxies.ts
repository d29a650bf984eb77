import { BlockList, isIPv6 } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config.ts'

/** Matches addresses as some proxies write them: `203.0.113.8:40001`, `[2001:db8::1]:40001` and `[2001:db8::1]`. */
const WITH_PORT = /^(?:\[([\da-f:.]+)\](?::\d+)?|([\d.]+):\d+)$/i

/**
 * Prepares the X-Forwarded-For header of trusted proxies (TRUST_PROXY) for Fastify: it removes the ports, because with
 * its port each connection would count as another client. The log warns once about a proxy that is not trusted: all its
 * clients share the rate limits of one address, and their cookies lack Secure.
 */
async function proxies(app: FastifyInstance, { trustProxy }: Pick<Config, 'trustProxy'>): Promise<void> {
  const trusted = new BlockList()
  for (const range of trustProxy) {
    const [address = '', bits] = range.split('/')
    trusted.addSubnet(address, Number(bits ?? (isIPv6(address) ? 128 : 32)), familyOf(address))
  }
  let warned = false

  app.addHook('onRequest', (request, _reply, done) => {
    const { headers, socket } = request.raw
    const addresses = headers['x-forwarded-for']
    if (addresses === undefined && headers['x-forwarded-proto'] === undefined) return done()
    const peer = socket.remoteAddress
    if (peer !== undefined && trusted.check(peer, familyOf(peer))) {
      if (addresses !== undefined) headers['x-forwarded-for'] = withoutPorts(String(addresses))
    } else if (!warned) {
      warned = true
      app.log.warn(
        { peer },
        'X-Forwarded-* headers are ignored: if the peer is your reverse proxy, add its address to TRUST_PROXY'
      )
    }
    done()
  })
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4'
}

function withoutPorts(addresses: string): string {
  const bare = addresses.split(',').map(address => {
    const [, ipv6, ipv4] = WITH_PORT.exec(address.trim()) ?? []
    return ipv6 ?? ipv4 ?? address.trim()
  })
  return bare.join(', ')
}

export default fp(proxies, { name: 'proxies', dependencies: ['@fastify/websocket'] })
