import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Config } from '../../config.ts'
import { ChatError } from '../../errors.ts'
import { nothing, ref } from '../../schemas/common.ts'
import { Credentials, LoginReply, PasswordChange, Registration, User } from '../../schemas/user.ts'
import { limitLogins, limitPasswordChanges, perAddress } from '../limits.ts'
import type { Passwords } from '../password.ts'
import type { sessionCookies } from '../session.ts'

export interface AuthServices {
  config: Config
  sessions: ReturnType<typeof sessionCookies>
  passwords: Passwords
}

const tags = ['Accounts']

/** Routes of accounts: register, log in, log out, change the password. */
const accountRoutes: FastifyPluginAsyncTypebox<AuthServices> = async (app, { config, sessions, passwords }) => {
  app.route({
    method: 'POST',
    url: '/register',
    config: perAddress,
    schema: {
      operationId: 'register',
      summary: 'Register an account',
      description: 'Creates an account. It does not log in. Servers with `REGISTRATION=closed` refuse it.',
      tags,
      security: [],
      body: Registration,
      response: { 201: ref(User) },
      errors: ['REGISTRATION_CLOSED', 'USERNAME_TAKEN']
    },
    async handler({ body: { username, password, display_name } }, reply) {
      if (!config.registrationOpen) throw new ChatError('REGISTRATION_CLOSED')
      const password_hash = await passwords.hash(password)
      const user = await app.db.users.create({ username, display_name, password_hash })
      if (!user) throw new ChatError('USERNAME_TAKEN')
      return reply.code(201).send(user)
    }
  })

  app.route({
    method: 'POST',
    url: '/login',
    config: perAddress,
    preHandler: limitLogins(app),
    schema: {
      operationId: 'login',
      summary: 'Log in',
      description: 'Opens a session and sets its cookie. An unknown username and a wrong password get the same answer.',
      tags,
      security: [],
      body: Credentials,
      response: { 200: LoginReply },
      errors: ['BAD_CREDENTIALS']
    },
    async handler(request, reply) {
      const { username, password } = request.body
      const found = await app.db.users.findForLogin(username)
      if (!(await passwords.verify(password, found?.password_hash)) || !found) {
        request.log.info({ ip: request.ip }, 'login refused')
        throw new ChatError('BAD_CREDENTIALS')
      }
      await sessions.open(request, reply, { id: found.user.id, password_hash: found.password_hash })
      return { user: found.user }
    }
  })

  app.route({
    method: 'POST',
    url: '/logout',
    preValidation: sessions.authenticateOrClear,
    preHandler: app.limitChanges,
    schema: {
      operationId: 'logout',
      summary: 'Log out',
      description:
        'Ends the session, clears the cookie and closes the sockets of the session with 4401. A cookie without a valid session is cleared too, with 401.',
      tags: ['Sessions'],
      response: { 204: nothing('Logged out') }
    },
    async handler(request, reply) {
      await sessions.end(request.caller.user.id, request.caller.session_id)
      sessions.clear(request, reply)
      return reply.code(204).send(null)
    }
  })

  app.route({
    method: 'POST',
    url: '/password',
    config: perAddress,
    preValidation: app.authenticate,
    preHandler: limitPasswordChanges(app),
    schema: {
      operationId: 'changePassword',
      summary: 'Change password',
      description: 'Changes the password and ends all of your other sessions. Their sockets are closed with 4401.',
      tags,
      body: PasswordChange,
      response: { 204: nothing('Changed') },
      errors: ['WRONG_PASSWORD']
    },
    async handler({ body, caller: { user, session_id } }, reply) {
      const verified = await app.db.users.passwordHash(user.id)
      if (!(await passwords.verify(body.current_password, verified))) throw new ChatError('WRONG_PASSWORD')
      const password_hash = await passwords.hash(body.new_password)
      const current = { user_id: user.id, session_id, verified }
      const session_ids = await app.db.sessions.changePassword(current, password_hash)
      app.bus.publish({ type: 'sessions_ended', session_ids })
      return reply.code(204).send(null)
    }
  })
}

export default accountRoutes
