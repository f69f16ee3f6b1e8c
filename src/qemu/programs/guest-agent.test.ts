import assert from 'node:assert/strict'
import { type Server, createServer } from 'node:net'
import { test } from 'node:test'
import { type TempDir, tempDir } from '../../../test/support/temp-dir.ts'
import { GuestAgent } from './guest-agent.ts'

interface Command {
  readonly execute: string
  readonly arguments?: { readonly id?: number }
}

/** An agent that answers each command with the pieces that `answer` returns, with a pause between them. */
async function agent(
  dir: TempDir,
  answer: (command: Command) => readonly string[],
): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = dir.join('agent')
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (data) => {
      for (const line of data.toString().trim().split('\n'))
        for (const [index, piece] of answer(JSON.parse(line) as Command).entries())
          setTimeout(() => socket.write(piece), index * 30)
    })
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

test('GuestAgent.connect() ignores answers to an earlier client', async () => {
  await using dir = await tempDir()
  await using server = await agent(dir, ({ execute, arguments: args }) =>
    execute === 'guest-sync'
      ? ['{"return": 1}\n', `\n\u00ff{"return": ${args?.id}}\n`]
      : ['{"return": {"ver', 'sion": "7.2"}}\n'],
  )
  using guest = await GuestAgent.connect(server.path)
  assert.deepEqual(await guest.execute('guest-info'), { version: '7.2' })
})

test('GuestAgent.execute() throws QEMU_REFUSED with the reason', async () => {
  await using dir = await tempDir()
  await using server = await agent(dir, ({ execute, arguments: args }) =>
    execute === 'guest-sync'
      ? [`{"return": ${args?.id}}\n`]
      : ['{"error": {"class": "GenericError", "desc": "not allowed"}}\n'],
  )
  using guest = await GuestAgent.connect(server.path)
  await assert.rejects(guest.execute('guest-set-time'), {
    code: 'QEMU_REFUSED',
    message: /guest-set-time.*not allowed/,
  })
})

test('GuestAgent.connect() throws QEMU_TIMEOUT when nothing listens', async () => {
  await using dir = await tempDir()
  await assert.rejects(GuestAgent.connect(dir.join('none')), {
    code: 'QEMU_TIMEOUT',
    path: dir.join('none'),
  })
})

test('GuestAgent.execute() refuses an error of any shape, which a guest may send', async () => {
  for (const error of ['null', '3', '{"desc":{}}', '[]']) {
    await using dir = await tempDir()
    await using server = await agent(dir, ({ execute, arguments: args }) =>
      execute === 'guest-sync' ? [`{"return": ${args?.id}}\n`] : [`{"error": ${error}}\n`],
    )
    using guest = await GuestAgent.connect(server.path)
    await assert.rejects(guest.execute('guest-ping'), { code: 'QEMU_REFUSED' }, error)
  }
})

test('GuestAgent.execute() does not wait for an agent that has hung up', async () => {
  await using dir = await tempDir()
  const path = dir.join('agent')
  const server = createServer((socket) => {
    socket.once('data', (data) => {
      const { arguments: args } = JSON.parse(data.toString()) as Command
      socket.write(`{"return": ${args?.id}}\n`)
      socket.once('data', () => socket.destroy())
    })
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  using guest = await GuestAgent.connect(path)
  const startMs = performance.now()
  await assert.rejects(guest.execute('guest-ping'), { code: 'QEMU_TIMEOUT' })
  assert.ok(performance.now() - startMs < 4000)
  await new Promise((resolve) => server.close(resolve))
})
