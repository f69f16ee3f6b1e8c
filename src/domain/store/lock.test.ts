import assert from 'node:assert/strict'
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { DomainLock } from './lock.ts'
import { type RuntimePaths, runtimePaths } from './runtime-paths.ts'

let base: string
let paths: RuntimePaths

before(async () => {
  base = await mkdtemp(join(tmpdir(), 'stasis-lock-'))
  paths = runtimePaths({ stateDir: base, runtimeDir: join(base, 'run') }, 'web')
})
after(() => rm(base, { recursive: true }))

test('DomainLock.acquire() reports the holder when the domain is busy', async () => {
  await using _held = await DomainLock.acquire('web', paths, 'save')
  await assert.rejects(DomainLock.acquire('web', paths, 'start'), {
    code: 'DOMAIN_BUSY',
    message: `Domain 'web' is busy: process ${process.pid} is running save`,
  })
})

test('DomainLock.acquire() waits for a short operation', async () => {
  const held = await DomainLock.acquire('web', paths, 'suspend')
  const next = DomainLock.acquire('web', paths, 'resume')
  setTimeout(() => void held[Symbol.asyncDispose](), 100)
  await using _next = await next
})

test('DomainLock leaves only files of others behind', async () => {
  {
    await using _lock = await DomainLock.acquire('web', paths, 'define')
    assert.equal((await stat(paths.directory)).mode & 0o777, 0o700)
  }
  assert.deepEqual(await readdir(join(base, 'run')), [])
  {
    await using _lock = await DomainLock.acquire('web', paths, 'start')
    await writeFile(paths.liveXml, '')
  }
  assert.deepEqual(await readdir(paths.directory), ['live.xml', 'lock'])
  await rm(paths.liveXml)
})

test('DomainLock.acquire() gives the lock to one process at a time under contention', async () => {
  let inside = 0
  const visit = async (): Promise<void> => {
    await using _lock = await DomainLock.acquire('web', paths, 'visit')
    inside += 1
    assert.equal(inside, 1)
    await new Promise((resolve) => setTimeout(resolve, 1))
    inside -= 1
  }
  await Promise.all(Array.from({ length: 10 }, visit))
})

test('DomainLock.acquireToLook() writes nothing', async () => {
  await using _nothing = await DomainLock.acquireToLook('web', paths, 'save --check')
  assert.deepEqual(await readdir(join(base, 'run')).catch(() => []), [])
  {
    await using _lock = await DomainLock.acquire('web', paths, 'start')
    await writeFile(paths.liveXml, '')
    await assert.rejects(DomainLock.acquireToLook('web', paths, 'save --check'), {
      code: 'DOMAIN_BUSY',
      message: `Domain 'web' is busy: process ${process.pid} is running start`,
    })
  }
  const facts = async (): Promise<unknown> => {
    const { mtimeMs, ctimeMs, ino } = await stat(paths.lock)
    return [mtimeMs, ctimeMs, ino, await readFile(paths.lock, 'utf8')]
  }
  const before = await facts()
  {
    await using _lock = await DomainLock.acquireToLook('web', paths, 'save --check')
    await assert.rejects(DomainLock.acquire('web', paths, 'save'), { code: 'DOMAIN_BUSY' })
  }
  assert.deepEqual(await facts(), before)
})

test('DomainLock.acquire() does not name a holder that is gone', async () => {
  await writeFile(paths.lock, JSON.stringify({ pid: 2 ** 22 + 1, verb: 'save' }))
  await using _lock = await DomainLock.acquireToLook('web', paths, 'save --check')
  await assert.rejects(DomainLock.acquire('web', paths, 'save'), {
    message: "Domain 'web' is busy: another process is using it",
  })
})
