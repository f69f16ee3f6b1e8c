import assert from 'node:assert/strict'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import {
  type SaveProgress,
  defineDomain,
  destroyDomain,
  domainInfo,
  dumpDomainXml,
  restoreDomain,
  resumeDomain,
  saveDomain,
  startDomain,
} from '../../src/index.ts'
import { readDescription } from '../../src/image/open-image.ts'
import { domainXml } from '../support/domain-xml.ts'
import { GuestConsole } from '../support/guest-console.ts'
import { qemus } from '../support/qemus.ts'
import { buildStasisImage } from '../support/stasis-image.ts'
import { startStasis } from '../support/stasis-command.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'
import { tempDir } from '../support/temp-dir.ts'

const OLDER = buildStasisImage().bytes

test(
  'saveDomain() reports its phases in order, and why the image fits',
  { timeout: 60_000 },
  async () => {
    await using tiny = await startTinyDomain()
    const { stateDir, dir } = tiny
    await tiny.log.advance(1)
    const live = await dumpDomainXml('tiny', { stateDir, migratable: true })
    const seen: SaveProgress[] = []
    const result = await saveDomain('tiny', dir.join('image'), {
      stateDir,
      channels: 3,
      onProgress: (progress) => seen.push(progress),
    })
    const phases = seen.map(({ phase }) => phase)
    assert.deepEqual(
      [...new Set(phases)],
      ['checking', 'stopping', 'transferring', 'flushing', 'ending'],
    )
    const last = seen.findLast((progress) => progress.phase === 'transferring')
    assert.equal(last?.percent, 100)
    assert.equal(last?.channelBytes.length, 3)
    assert.ok(result.image.ramBytes >= 16 * 2 ** 20)
    assert.ok(result.timing.downtimeMs <= result.timing.totalMs)
    const description = await readDescription(dir.join('image'))
    // libvirt before 9.1 refuses the watchdog that every q35 has, so images do without it.
    assert.equal(description.xml, live.replace(/^ *<watchdog model='itco'.*\n/m, ''))
    assert.equal(description.wasRunning, true)
    assert.match(
      description.cookie ?? '',
      /<stasis:origin xmlns:stasis='urn:stasis:origin:1' qemu='\d+\.\d+/,
    )
  },
)

for (const format of ['stasis', 'channels', 'raw'] as const) {
  test(
    `saveDomain() as ${format} leaves the guest running and no file when it is aborted`,
    { timeout: 60_000 },
    async () => {
      await using tiny = await startTinyDomain()
      const { stateDir, dir, log } = tiny
      await log.advance(1)
      await writeFile(dir.join('image'), OLDER)
      const before = await readdir(dir.path)
      for (const phase of ['checking', 'stopping', 'transferring'] as const) {
        const controller = new AbortController()
        const saving = saveDomain('tiny', dir.join('image'), {
          ...{ stateDir, format, signal: controller.signal },
          onProgress: (progress) => {
            if (progress.phase === phase) controller.abort()
          },
        })
        await assert.rejects(saving, { code: 'CANCELLED' }, phase)
        assert.equal((await domainInfo('tiny', { stateDir })).state, 'running', phase)
        assert.deepEqual(await readdir(dir.path), before, phase)
        assert.deepEqual(await readFile(dir.join('image')), Buffer.from(OLDER))
        await log.advance(1)
      }
      await saveDomain('tiny', dir.join('image'), { stateDir, format })
      await restoreDomain(dir.join('image'), { stateDir })
      await log.advance(2)
      await log.assertUnbroken()
    },
  )
}

test(
  'a guest whose save was killed can be resumed and saved again',
  { timeout: 180_000 },
  async () => {
    await using dir = await tempDir()
    const stateDir = dir.join('state')
    const serial = { type: 'unix', path: dir.join('serial') } as const
    const emulator = qemus()[0]?.emulator ?? ''
    await defineDomain(domainXml({ name: 'lin', guest: 'linux', emulator, serial }), { stateDir })
    await startDomain('lin', { stateDir })
    try {
      const [, sum] = await talk(serial.path, 'fill 48', /^FILLED (\w+)/)
      const image = dir.join('image')
      for (let round = 0; round < 2; round++) {
        const slow = ['--parallel-compression', 'zlib', '--compression-level', '9']
        const { child, ended } = startStasis(stateDir, ['save', 'lin', image, '--json', ...slow])
        child.stdout?.on('data', (data: Buffer) => {
          if (data.includes('"transferring"')) child.kill('SIGKILL')
        })
        assert.equal((await ended).exitCode, -1, 'killed in the middle')
        assert.equal((await domainInfo('lin', { stateDir })).state, 'paused')
        // Once it is resumed, once saved while paused.
        if (round === 0) await resumeDomain('lin', { stateDir })
      }
      const saved = await saveDomain('lin', image, { stateDir, resumeAs: 'running' })
      assert.equal(saved.wasRunning, true)
      const files = await readdir(dir.path)
      assert.deepEqual(
        files.filter((name) => name.includes('image')),
        ['image'],
        'what was killed left nothing',
      )
      await restoreDomain(image, { stateDir })
      const [, after] = await talk(serial.path, 'sum', /^SUM (\w+)/)
      assert.equal(after, sum)
    } finally {
      await destroyDomain('lin', { stateDir }).catch(() => undefined)
    }
  },
)

test(
  'saveDomain() refuses a save that cannot succeed before the guest stops',
  { timeout: 60_000 },
  async () => {
    await using tiny = await startTinyDomain()
    const { stateDir, dir, xml } = tiny
    const image = dir.join('image')
    const refused = async (path: string, code: string, options = {}): Promise<void> => {
      const phases = new Set<string>()
      const onProgress = ({ phase }: SaveProgress): unknown => phases.add(phase)
      await assert.rejects(saveDomain('tiny', path, { stateDir, onProgress, ...options }), { code })
      assert.equal(phases.has('stopping'), false)
    }
    const before = await readdir(dir.path)
    await refused(dir.join('no-such-directory/image'), 'FILE_NOT_FOUND')
    await refused('/proc/image', 'NO_PERMISSION').catch(() =>
      refused('/proc/image', 'FILE_NOT_FOUND'),
    )
    await refused(dir.path, 'BAD_ARGUMENT')
    await refused('/dev/null', 'BAD_ARGUMENT')
    await refused(dir.join('serial'), 'BAD_ARGUMENT')
    await refused(image, 'BAD_ARGUMENT', { channels: 65 })
    await refused(image, 'BAD_COMBINATION', { format: 'raw', channels: 2 })
    const more = { text: xml.replace(/16384/g, '32768') }
    await refused(image, 'IMAGE_INCOMPATIBLE', { xml: more })
    await refused(image, 'XML_MALFORMED', { xml: { text: '<domain' } })
    assert.deepEqual(await readdir(dir.path), before)
    await tiny.log.advance(1)
  },
)

test(
  'of two saves of a domain at once, the second fails and names the process of the first',
  { timeout: 60_000 },
  async () => {
    await using tiny = await startTinyDomain()
    const { stateDir, dir } = tiny
    const first = Promise.withResolvers<void>()
    let second: Promise<unknown> | undefined
    const saving = saveDomain('tiny', dir.join('one'), {
      stateDir,
      onProgress: ({ phase }) => {
        if (phase !== 'checking' || second !== undefined) return
        second = saveDomain('tiny', dir.join('two'), { stateDir })
        second.catch(() => first.resolve())
      },
    })
    await Promise.all([saving, first.promise])
    await assert.rejects(second as Promise<unknown>, { code: /DOMAIN_BUSY|DOMAIN_NOT_RUNNING/ })
    assert.equal((await readdir(dir.path)).includes('two'), false)
  },
)

test(
  'saveDomain() stores other XML in the image when the guest sees no difference',
  { timeout: 60_000 },
  async () => {
    await using tiny = await startTinyDomain()
    const { stateDir, dir } = tiny
    const live = await dumpDomainXml('tiny', { stateDir })
    const elsewhere = dir.join('serial-2')
    const text = live.replaceAll(dir.join('serial'), elsewhere)
    await saveDomain('tiny', dir.join('image'), { stateDir, xml: { text } })
    await restoreDomain(dir.join('image'), { stateDir })
    assert.match(await dumpDomainXml('tiny', { stateDir }), /serial-2/)
    const followed = GuestConsole.follow(elsewhere)
    await using _followed = followed
    await followed.waitForLine(/CNT .* SUM 7159/)
  },
)

/** Asks the Linux guest one question. */
async function talk(path: string, line: string, answer: RegExp): Promise<RegExpExecArray> {
  await using console = await GuestConsole.connect(path)
  await console.waitForLine(/^TICK /, { timeoutMs: 60_000 })
  return await console.ask(line, answer, { timeoutMs: 60_000 })
}
