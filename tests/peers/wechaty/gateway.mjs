// A real Wechaty puppet gateway (PuppetServer) for tests, around the mock puppet: loopback only, steered over HTTP.
//
// stdin    one line of JSON: {port, control, token, tls: {cert, key} | null, me, people, rooms, login}; when stdin ends, so
//          does the gateway, so none outlives its test
// stdout   one line of JSON for each thing that happens: {ready}, {listening}, {sent}; stdout is a pipe, so a line is
//          out before the client has its answer, and a kill loses none
// control  POST /<name> with a JSON body, see `controls`
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { FileBox } from 'file-box'
import { grpc } from 'wechaty-grpc'
import { types } from 'wechaty-puppet'
import { PuppetMock, mock } from 'wechaty-puppet-mock'
import { PuppetServer } from 'wechaty-puppet-service'

const HOST = '127.0.0.1'
const tell = event => process.stdout.write(JSON.stringify(event) + '\n')

const world = { people: {}, rooms: {}, friendships: {} }
const faults = { sends: 0, recorded: false, payloads: new Map(), held: new Map() }
let echo = false // real puppets also report the bot's own messages
let me

class Gateway extends PuppetMock {
  // Stock answers to these are made up; here they come from the world the test described.
  async messageImage (id) { return this.messageFile(id) }
  async friendshipRawPayload (id) { return world.friendships[id] }

  async roomMemberRawPayload (roomId, id) {
    const member = await super.roomMemberRawPayload(roomId, id)
    return { ...member, roomAlias: world.rooms[roomId].aliases?.[id] ?? '' }
  }

  async messageRawPayload (id) {
    await faults.held.get(id)?.promise
    const left = faults.payloads.get(id) ?? 0
    if (left > 0) {
      faults.payloads.set(id, left - 1)
      throw new Error('payload not to be had')
    }
    return super.messageRawPayload(id)
  }

  async messageSendText (to, text, mentions = []) {
    return this.#send(to, { kind: 'text', text, mentions }, types.Message.Text)
  }

  async messageSendFile (to, file) {
    const data = (await file.toBuffer()).toString('base64')
    const image = /\.(jpe?g|png|gif|webp)$/i.test(file.name)
    const type = image ? types.Message.Image : types.Message.Attachment
    return this.#send(to, { kind: image ? 'image' : 'file', text: file.name, data }, type)
  }

  async messageSendUrl (to, link) {
    return this.#send(to, { kind: 'url', text: JSON.stringify(link) }, types.Message.Url)
  }

  async messageRecall (id) {
    const { roomId, listenerId } = this.mocker.messagePayload(id)
    tell({ sent: { id, conversation: roomId || listenerId, kind: 'recall', text: '', at: Date.now() } })
    return true
  }

  async roomAnnounce (roomId, text) {
    if (!text) return ''
    await this.#send(roomId, { kind: 'announce', text }, types.Message.GroupNote)
  }

  async #send (to, what, type) {
    if (!this.isLoggedIn) throw new Error('not logged in')
    const room = to.includes('@')
    if (!(to in (room ? world.rooms : world.people))) throw new Error('no such conversation')
    const failing = faults.sends > 0
    if (failing) faults.sends -= 1
    if (failing && !faults.recorded) throw new Error('send failed')
    const [id, at] = [randomUUID(), Date.now()]
    this.keep({
      id, type, talkerId: me.id, timestamp: at, text: what.text, mentionIdList: what.mentions ?? [],
      ...(room ? { roomId: to } : { listenerId: to }),
    }, what.data && { name: what.text, base64: what.data })
    tell({ sent: { id, conversation: to, at, ...what } })
    if (failing) throw new Error('send failed after all')
    if (echo) this.emit('message', { messageId: id })
    return id
  }

  /** A message that the client may ask for from now on. */
  keep (payload, file) {
    this.cache.message.delete(payload.id)
    this.mocker.cacheMessagePayload.set(payload.id, payload)
    if (file) this.mocker.cacheFileBoxPayload.set(payload.id, FileBox.fromBase64(file.base64, file.name).toJSON())
  }
}

const mocker = new mock.Mocker()
const puppet = new Gateway({ mocker })
puppet.on('error', () => {}) // without a listener an error event ends the process

/** A client counts as listening when it reads events and the bot is logged in: what is said before is lost. */
const listening = on => tell({ listening: on })
puppet.on('newListener', name => { if (name === 'message') listening(puppet.isLoggedIn) })
puppet.on('removeListener', name => { if (name === 'message') listening(false) })
puppet.on('login', () => listening(puppet.listenerCount('message') > 0))
puppet.on('logout', () => listening(false))

const waiting = () => {
  let release
  const promise = new Promise(resolve => { release = resolve })
  return { promise, release }
}

const controls = {
  /** Replaces everybody and every room. */
  world (next) {
    Object.assign(world, next)
    mocker.cacheContactPayload.clear()
    mocker.cacheRoomPayload.clear()
    for (const [id, { name }] of Object.entries({ ...world.people, [me.id]: me })) {
      mocker.cacheContactPayload.set(id, {
        id, name, alias: '', avatar: '', friend: id !== me.id, gender: 0, phone: [], type: types.Contact.Individual,
      })
      puppet.cache.contact.delete(id)
    }
    for (const [id, { topic, members }] of Object.entries(world.rooms)) {
      mocker.cacheRoomPayload.set(id, { id, topic, memberIdList: members, adminIdList: [], avatar: '', ownerId: members[0] })
      puppet.cache.room.delete(id)
    }
  },
  /** `type` is a name out of wechaty-puppet's enum. */
  message ({ payload, type, file }) {
    puppet.keep({ ...payload, type: types.Message[type] }, file)
    puppet.emit('message', { messageId: payload.id })
  },
  emit ({ event, payload }) { puppet.emit(event, payload) },
  error ({ text }) { puppet.emit('error', new Error(text)) },
  login () { puppet.login(me.id) },
  async logout ({ reason }) { await puppet.logout(reason) },
  clients () { return puppet.listenerCount('message') },
  /** Whatever was told before this line has been read when this line has. */
  mark ({ mark }) { tell({ mark }) },
  echo ({ on }) { echo = on },
  fail_sends ({ count, recorded }) { Object.assign(faults, { sends: count, recorded }) },
  fail_payload ({ id, count }) { faults.payloads.set(id, count) },
  hold_payload ({ id }) { faults.held.set(id, waiting()) },
  release_payload ({ id }) {
    faults.held.get(id)?.release()
    faults.held.delete(id)
  },
}

const answer = async (request, response) => {
  try {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const result = await controls[request.url.slice(1)](JSON.parse(body || '{}'))
    response.end(JSON.stringify({ result: result ?? null }))
  } catch (error) {
    response.writeHead(500).end(JSON.stringify({ error: String(error) }))
  }
}

/** PuppetServer does not say which port it was given. */
let bound
const bindAsync = grpc.Server.prototype.bindAsync
grpc.Server.prototype.bindAsync = function (address, credentials, done) {
  bindAsync.call(this, address, credentials, (error, port) => {
    bound = port
    done(error, port)
  })
}

const start = async ({ port, control, token, tls, login, ...rest }) => {
  me = rest.me
  controls.world({ people: rest.people, rooms: rest.rooms })
  // At each start, for a client's Stop logs the puppet out.
  mocker.use(() => {
    if (login) puppet.login(me.id)
    return () => {}
  })
  await new PuppetServer({
    endpoint: `${HOST}:${port}`,
    puppet,
    token,
    tls: tls
      ? { serverCert: readFileSync(tls.cert, 'utf8'), serverKey: readFileSync(tls.key, 'utf8') }
      : { disable: true },
  }).start()
  const http = createServer(answer)
  http.listen(control, HOST, () => tell({ ready: { port: bound, control: http.address().port } }))
}

const input = createInterface({ input: process.stdin })
input.once('line', line => start(JSON.parse(line)))
input.once('close', () => process.exit(0))
