import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PageStore, SavedMachine } from '../../image/saved-machine.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import type { RestoreMode } from './restore-mode.ts'
import { chooseMode } from './restore-mode.ts'
import type { RestorePlan } from './restore-plan.ts'

const MIB = 1024 * 1024

function planOf(memoryBacking: string): RestorePlan {
  const xml = `<domain type='qemu'><name>a</name><memory unit='MiB'>256</memory><vcpu>1</vcpu>${memoryBacking}
    <os><type arch='x86_64' machine='pc-q35-10.0'>hvm</type></os></domain>`
  const { domain } = readDomain(parseDomainXml(xml), { ignoreUnsupported: true })
  return {
    domain,
    emulator: { version: { major: 10, minor: 0, micro: 0 } },
    backends: [{ id: 'pc.ram', length: 256 * MIB }],
  } as unknown as RestorePlan
}

function imageOf(kind: 'linear' | 'compressed' | 'stream', storedMib = 200): SavedMachine {
  const linearOffset = kind === 'linear' ? MIB : undefined
  const pages = {
    blocks: [{ name: 'pc.ram', length: 256 * MIB, linearOffset }],
    frameCount: 1,
    storedLength: () => storedMib * MIB,
  } as unknown as PageStore
  const image = { path: import.meta.filename, format: 'stasis' } as SavedMachine
  if (kind === 'stream') return { ...image, format: 'raw' }
  return { ...image, pages, deviceState: () => Promise.reject(new Error('not asked for')) }
}

async function choose(
  image: SavedMachine,
  memoryBacking: string,
  asked: RestoreMode | 'auto',
  obstacle?: string,
): Promise<string> {
  const chosen = await chooseMode(image, planOf(memoryBacking), {
    asked,
    cached: undefined,
    postcopyObstacle: () => Promise.resolve(obstacle),
  })
  return `${chosen.mode}: ${chosen.why}`
}

const backing = (inner: string): string => `<memoryBacking>${inner}</memoryBacking>`

test('chooseMode() maps nothing that has huge pages, is shared, locked or set aside at the start', async () => {
  const refused = [
    ['<hugepages/>', /huge pages/],
    ["<access mode='shared'/>", /other processes share/],
    ['<locked/>', /locked memory/],
    ["<allocation mode='immediate'/>", /all of its memory at its start/],
  ] as const
  for (const [inner, message] of refused) {
    await assert.rejects(choose(imageOf('linear'), backing(inner), 'map'), {
      code: 'IMAGE_INCOMPATIBLE',
      message,
    })
  }
})

test('chooseMode() brings huge pages on demand, and no memory that is locked or set aside', async () => {
  assert.equal(
    await choose(imageOf('compressed'), backing('<hugepages/>'), 'auto'),
    'lazy: no map: the domain asks for huge pages',
  )
  for (const inner of ['<locked/>', "<allocation mode='immediate'/>"]) {
    await assert.rejects(choose(imageOf('compressed'), backing(inner), 'lazy'), {
      code: 'IMAGE_INCOMPATIBLE',
    })
    assert.match(await choose(imageOf('compressed'), backing(inner), 'auto'), /^load: no map: /)
  }
})

test('chooseMode() does without userfaultfd when it may choose, and says what is missing when not', async () => {
  const obstacle = 'userfaultfd is not available to this user'
  assert.match(
    await choose(imageOf('compressed'), '', 'auto', obstacle),
    /^load: no map: .*; no lazy: userfaultfd/,
  )
  await assert.rejects(choose(imageOf('compressed'), '', 'lazy', obstacle), {
    code: 'QEMU_LACKS_FEATURE',
    message: /userfaultfd is not available/,
  })
})

test('chooseMode() loads single streams, and what is little', async () => {
  assert.match(await choose(imageOf('stream'), '', 'auto'), /^load: no map: an image of format raw/)
  for (const mode of ['map', 'lazy'] as const)
    await assert.rejects(choose(imageOf('stream'), '', mode), { code: 'IMAGE_INCOMPATIBLE' })
  assert.match(await choose(imageOf('compressed', 100), '', 'auto'), /^load: there is little/)
})

test('chooseMode() leaves a stasis image whose checksums nobody would look at to lazy', async () => {
  assert.equal(
    await choose(imageOf('linear'), '', 'auto'),
    'lazy: no map: its checksums would not be checked',
  )
})
