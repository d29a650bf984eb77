import t from 'tap'
import {
  atLeast,
  checkChangeOfRole,
  checkDelete,
  checkEdit,
  checkEmoji,
  checkJoin,
  checkLeave,
  checkReact,
  checkRemoveMember,
  checkRepetition,
  checkRole,
  checkSetMember,
  contentDigest,
  EMOJI_PER_MESSAGE,
  nonMemberError,
  type Rights,
  roleOfNewMember
} from '../../src/db/rules.ts'

const member: Rights = { kind: 'group', role: 'member' }
const admin: Rights = { kind: 'group', role: 'admin' }
const owner: Rights = { kind: 'group', role: 'owner' }
/** Both users of a direct chat are owners, and yet nobody has the rights of one. */
const direct: Rights = { kind: 'direct', role: 'owner' }

const message = { kind: 'text', sender_id: 1, deleted_at: null } as const
const deleted = { ...message, deleted_at: 5 }
const joined = { ...message, kind: 'joined' } as const

t.test('roles include those below', async t => {
  const roles = ['member', 'admin', 'owner'] as const
  const table = roles.map(role => roles.map(needed => atLeast(role, needed)))
  t.strictSame(table, [
    [true, false, false],
    [true, true, false],
    [true, true, true]
  ])
})

t.test('strangers do not learn that a private chat exists', async t => {
  t.equal(nonMemberError({ visibility: 'private' }), 'CHAT_NOT_FOUND')
  t.equal(nonMemberError({ visibility: 'public' }), 'NOT_A_MEMBER')
  t.equal(checkJoin({ visibility: 'private' }), 'CHAT_NOT_FOUND')
  t.equal(checkJoin({ visibility: 'public' }), undefined)
})

t.test('what needs a role', async t => {
  t.strictSame(
    [member, admin, owner, direct].map(rights => [checkRole(rights, 'admin'), checkRole(rights, 'owner')]),
    [
      ['ADMIN_REQUIRED', 'OWNER_REQUIRED'],
      [undefined, 'OWNER_REQUIRED'],
      [undefined, undefined],
      ['DIRECT_CHAT', 'DIRECT_CHAT']
    ]
  )
})

t.test('a chat without an owner belongs to the next member', async t => {
  t.equal(roleOfNewMember(false, 'member'), 'owner')
  t.equal(roleOfNewMember(true, 'member'), 'member')
  t.equal(roleOfNewMember(true, 'admin'), 'admin')
})

t.test('admins add members, owners give roles', async t => {
  const cases = [
    [undefined, undefined],
    [undefined, 'member'],
    [undefined, 'admin'],
    ['member', undefined],
    ['member', 'member'],
    ['member', 'admin'],
    ['admin', 'member'],
    ['owner', 'owner']
  ] as const
  const check = (rights: Rights) => cases.map(([before, after]) => checkSetMember(rights, before, after))
  const [no, yes] = ['OWNER_REQUIRED', undefined]
  t.strictSame(check(member), Array(8).fill('ADMIN_REQUIRED'))
  t.strictSame(check(admin), [yes, yes, no, yes, yes, no, no, yes])
  t.strictSame(check(owner), Array(8).fill(yes))
  t.strictSame(check(direct), Array(8).fill('DIRECT_CHAT'))
})

t.test('the last owner keeps the role', async t => {
  t.equal(checkChangeOfRole('owner', 1), 'LAST_OWNER')
  t.equal(checkChangeOfRole('owner', 2), undefined)
  t.equal(checkChangeOfRole('admin', 1), undefined)
})

t.test('everybody leaves a group; admins remove members, owners remove anybody', async t => {
  t.strictSame([member, admin, owner, direct].map(checkLeave), [undefined, undefined, undefined, 'DIRECT_CHAT'])
  const remove = (rights: Rights) =>
    (['member', 'admin', 'owner'] as const).map(role => checkRemoveMember(rights, role))
  t.strictSame(remove(member), ['ADMIN_REQUIRED', 'OWNER_REQUIRED', 'OWNER_REQUIRED'])
  t.strictSame(remove(admin), [undefined, 'OWNER_REQUIRED', 'OWNER_REQUIRED'])
  t.strictSame(remove(owner), [undefined, undefined, undefined])
  t.strictSame(remove(direct), ['DIRECT_CHAT', 'DIRECT_CHAT', 'DIRECT_CHAT'])
})

t.test('senders edit their own texts while these are not deleted', async t => {
  t.equal(checkEdit(message, 1), undefined)
  t.equal(checkEdit(message, 2), 'NOT_THE_SENDER')
  t.equal(checkEdit(deleted, 1), 'MESSAGE_DELETED')
  t.equal(checkEdit(deleted, 2), 'NOT_THE_SENDER')
  t.equal(checkEdit(joined, 1), 'NOT_EDITABLE')
})

t.test('senders, and admins of a group, delete texts', async t => {
  for (const rights of [member, admin, owner, direct]) {
    t.equal(checkDelete(message, 1, rights), undefined)
    t.equal(checkDelete(deleted, 1, rights), undefined)
    t.equal(checkDelete(joined, 1, rights), 'NOT_EDITABLE')
  }
  t.strictSame(
    [member, admin, owner, direct].map(rights => checkDelete(message, 2, rights)),
    ['ADMIN_REQUIRED', undefined, undefined, 'ADMIN_REQUIRED']
  )
})

t.test('reactions', async t => {
  t.equal(checkReact(message), undefined)
  t.equal(checkReact(deleted), 'MESSAGE_DELETED')
  const present = Array.from({ length: EMOJI_PER_MESSAGE }, (_, i) => `e${i}`)
  t.equal(checkEmoji('e0', present), undefined)
  t.equal(checkEmoji('new', present), 'TOO_MANY_REACTIONS')
  t.equal(checkEmoji('new', present.slice(1)), undefined)
})

t.test('a repetition says what was said first', async t => {
  const first = { text: 'one', data: null, first_digest: undefined }
  t.equal(checkRepetition(first, 'one', undefined), undefined)
  t.equal(checkRepetition(first, 'two', undefined), 'CLIENT_ID_REUSED')
  t.equal(checkRepetition(first, 'one', {}), 'CLIENT_ID_REUSED')
  const withData = { ...first, data: '{"a":{"b":1,"c":[2,{"e":3,"d":4}]},"f":5}' }
  t.equal(checkRepetition(withData, 'one', { f: 5, a: { c: [2, { d: 4, e: 3 }], b: 1 } }), undefined)
  t.equal(checkRepetition(withData, 'one', { f: 5, a: { c: [{ d: 4, e: 3 }, 2], b: 1 } }), 'CLIENT_ID_REUSED')
  t.equal(checkRepetition(withData, 'one', undefined), 'CLIENT_ID_REUSED')
  const edited = { text: 'edited', data: null, first_digest: contentDigest('one', null) }
  t.equal(checkRepetition(edited, 'one', undefined), undefined)
  t.equal(checkRepetition(edited, 'edited', undefined), 'CLIENT_ID_REUSED')
  t.equal(checkRepetition({ ...edited, text: null }, 'anything', { a: 1 }), undefined, 'a deleted one has no content')
})

t.test('a digest tells a text with data from any text alone', async t => {
  t.match(contentDigest('one', null), /^[0-9a-f]{64}$/)
  t.equal(contentDigest(null, null), contentDigest('', null))
  const digests = [
    contentDigest('one', null),
    contentDigest('one', '{}'),
    contentDigest('one{}', null),
    contentDigest('', '{"one":1}')
  ]
  t.equal(new Set(digests).size, digests.length)
})
