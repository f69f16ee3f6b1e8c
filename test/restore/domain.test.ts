import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { copyFile, open, readFile, readdir, truncate } from 'node:fs/promises'
import { test } from 'node:test'
import {
  type RestoreProgress,
  destroyDomain,
  domainInfo,
  dumpDomainXml,
  restoreDomain,
  saveDomain,
  startDomain,
} from '../../src/index.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

test(
  'restoreDomain() reports its phases in order and refuses a running domain',
  { timeout: 60_000 },
  async () => {
    await using tiny = await startTinyDomain()
    const { stateDir, dir } = tiny
    const image = dir.join('image')
    await saveDomain('tiny', image, { stateDir })
    const phases: RestoreProgress['phase'][] = []
    const onProgress = ({ phase }: RestoreProgress): unknown => phases.push(phase)
    const restored = await restoreDomain(image, { stateDir, onProgress })
    assert.deepEqual([...new Set(phases)], ['opening', 'starting', 'loading', 'resuming'])
    assert.equal(restored.format, 'stasis')
    assert.equal((await domainInfo('tiny', { stateDir })).id, restored.id)
    await assert.rejects(restoreDomain(image, { stateDir }), { code: 'DOMAIN_RUNNING' })
  },
)

test(
  'restoreDomain() leaves no QEMU and an untouched image when it is aborted',
  { timeout: 60_000 },
  async () => {
    await using tiny = await startTinyDomain()
    await tiny.log.advance(2)
    const { stateDir, dir, runtimeDir } = tiny
    const image = dir.join('image')
    await saveDomain('tiny', image, { stateDir })
    const digest = await digestOf(image)
    for (const phase of ['opening', 'starting', 'loading'] as const) {
      const controller = new AbortController()
      const restoring = restoreDomain(image, {
        ...{ stateDir, signal: controller.signal },
        onProgress: (progress) => {
          if (progress.phase === phase) controller.abort()
        },
      })
      await assert.rejects(restoring, { code: 'CANCELLED', message: `Cancelled: restore ${image}` })
      assert.deepEqual(await readdir(runtimeDir), [], phase)
      assert.equal((await domainInfo('tiny', { stateDir })).state, 'shut off')
    }
    assert.equal(await digestOf(image), digest)
    await restoreDomain(image, { stateDir })
    await tiny.log.advance(2)
    await tiny.log.assertUnbroken()
  },
)

for (const format of ['stasis', 'channels'] as const) {
  test(
    `restoreDomain() names file and offset when a ${format} image is damaged`,
    { timeout: 60_000 },
    async () => {
      await using tiny = await startTinyDomain()
      await tiny.log.advance(2)
      const { stateDir, dir, runtimeDir } = tiny
      const image = dir.join('image')
      await saveDomain('tiny', image, { stateDir, format, channels: 2 })
      const memory = format === 'channels' ? `${image}.1` : image
      await flipBit(memory, 200_000)
      await assert.rejects(
        restoreDomain(image, { stateDir }),
        (error: Error & Record<string, unknown>) => {
          assert.equal(error['code'], 'IMAGE_CORRUPT', error.message)
          assert.equal(error['path'], memory)
          assert.equal(typeof error['offset'], 'number')
          return true
        },
      )
      assert.deepEqual(await readdir(runtimeDir), [])
      await flipBit(memory, 200_000)
      await restoreDomain(image, { stateDir })
      await tiny.log.advance(2)
      await tiny.log.assertUnbroken()
    },
  )
}

test('restoreDomain() refuses a truncated image', { timeout: 60_000 }, async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, dir, runtimeDir } = tiny
  await saveDomain('tiny', dir.join('image'), { stateDir })
  await copyFile(dir.join('image'), dir.join('cut'))
  await truncate(dir.join('cut'), 300_000)
  await assert.rejects(restoreDomain(dir.join('cut'), { stateDir }), { code: 'IMAGE_TRUNCATED' })
  assert.deepEqual(await readdir(runtimeDir), [])
})

test(
  'restoreDomain() accepts other XML only when the guest sees no difference',
  { timeout: 60_000 },
  async () => {
    await using tiny = await startTinyDomain()
    const { stateDir, dir, runtimeDir } = tiny
    const image = dir.join('image')
    const live = await dumpDomainXml('tiny', { stateDir })
    await saveDomain('tiny', image, { stateDir })
    const changes: readonly [RegExp, (xml: string) => string][] = [
      [/the name is other/, (xml) => xml.replace('<name>tiny<', '<name>other<')],
      [/the memory size is 32768 KiB, not 16384 KiB/, (xml) => xml.replaceAll('16384', '32768')],
      [/the number of processors/, (xml) => xml.replace(/(<vcpu[^>]*>)1</, '$12<')],
      [/lacks the random number generator 1/, (xml) => xml.replace(/<rng.*<\/rng>/s, '')],
      [
        /the address of the balloon 1 is type=pci bus=5 slot=0 function=0, not type=pci bus=3/,
        (xml) => xml.replace(/(<memballoon.*?)bus='0x03'/s, "$1bus='0x05'"),
      ],
      [
        /adds the serial port 2/,
        (xml) => xml.replace('</serial>', "</serial><serial type='pty'/>"),
      ],
    ]
    for (const [message, change] of changes) {
      const text = change(live)
      assert.notEqual(text, live)
      await assert.rejects(restoreDomain(image, { stateDir, xml: { text } }), {
        code: 'IMAGE_INCOMPATIBLE',
        message,
      })
    }
    assert.deepEqual(await readdir(runtimeDir).catch(() => []), [])
    const text = live.replaceAll(dir.join('serial'), dir.join('serial-2'))
    await restoreDomain(image, { stateDir, xml: { text }, resumeAs: 'paused' })
    assert.equal((await domainInfo('tiny', { stateDir })).state, 'paused')
  },
)

test('an image can be restored again after its guest has ended', { timeout: 60_000 }, async () => {
  await using tiny = await startTinyDomain()
  const { stateDir, dir } = tiny
  await saveDomain('tiny', dir.join('image'), { stateDir })
  await startDomain('tiny', { stateDir, paused: true })
  await destroyDomain('tiny', { stateDir })
  for (const connections of [1, 8]) {
    await restoreDomain(dir.join('image'), { stateDir, readers: connections })
    await destroyDomain('tiny', { stateDir })
  }
})

async function digestOf(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
}

async function flipBit(path: string, offset: number): Promise<void> {
  await using file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, offset)
  byte[0] = (byte[0] ?? 0) ^ 0x10
  await file.write(byte, 0, 1, offset)
}
