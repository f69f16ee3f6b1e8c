import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { test } from 'node:test'
import type { SaveFormat } from '../../image/save-format.ts'
import type { PageStore, SavedMachine } from '../../image/saved-machine.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { chooseSource } from './choose-source.ts'
import type { LinearPart } from './mapped-memory.ts'
import type { ComingMachine, SourceRequest } from './source-choice.ts'

const MIB = 1024 * 1024
const RAM = { id: 'pc.ram', length: 256 * MIB }

/** A machine on a QEMU with every feature. */
function machine(
  memoryBacking = '',
  { balloon = 'none', ...more }: Partial<ComingMachine> & { readonly balloon?: string } = {},
): ComingMachine {
  const xml = `<domain type='qemu'><name>a</name><memory unit='MiB'>256</memory><vcpu>1</vcpu>
    <memoryBacking>${memoryBacking}</memoryBacking>
    <os><type arch='x86_64' machine='pc-q35-10.0'>hvm</type></os>
    <devices><memballoon model='${balloon}'/></devices></domain>`
  const { domain } = readDomain(parseDomainXml(xml), { tolerant: true })
  return { domain, backends: [RAM], emulator: emulator(10), ...more }
}

function emulator(major: number, minor = 0): ComingMachine['emulator'] {
  const migrationCapabilities = major >= 9 ? ['multifd', 'mapped-ram'] : ['multifd']
  return { version: { major, minor, micro: 0 }, probed: { migrationCapabilities } }
}

/** An image that must not be read; `raw`: its memory is in the file uncompressed. */
function image(
  memory: 'raw' | 'compressed' | 'stream',
  { format = 'stasis', storedMib = 200 }: { format?: SaveFormat; storedMib?: number } = {},
): SavedMachine {
  const unread = (): never => assert.fail('nothing is read to choose')
  const description = { xml: '<domain/>', cookie: undefined, wasRunning: true }
  const common = {
    path: import.meta.filename,
    description,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  if (memory === 'stream')
    return { ...common, format: 'raw', stream: { length: 200 * MIB, open: unread } }
  const linearOffset = memory === 'raw' ? MIB : undefined
  const pages: PageStore = {
    blocks: [{ name: 'pc.ram', length: 256 * MIB, linearOffset }],
    frameCount: 1,
    storedLength: () => storedMib * MIB,
    range: unread,
    groups: unread,
    place: unread,
    fd: -1,
    prefetch: unread,
    read: unread,
  }
  return { ...common, format, pages, deviceState: unread }
}

function request(mode: SourceRequest['mode'], more: Partial<SourceRequest> = {}): SourceRequest {
  return {
    mode,
    cached: () => Promise.resolve(undefined),
    postcopyObstacle: () => Promise.resolve(undefined),
    ...more,
  }
}

async function choice(...args: Parameters<typeof chooseSource>): Promise<string> {
  const { mode, why } = await chooseSource(...args)
  return `${mode}: ${why}`
}

const ofRam: LinearPart = { path: import.meta.filename, offset: 0, ...RAM }
const inCache = { cached: () => Promise.resolve([ofRam]) }
const noUserfaultfd = {
  postcopyObstacle: () =>
    Promise.resolve({ code: 'QEMU_LACKS_FEATURE', reason: 'no userfaultfd' } as const),
}

test('chooseSource() by default takes the first of map, lazy and load that is possible', async () => {
  const sparse = image('raw', { format: 'sparse' })
  const raw = 'the memory is uncompressed in a file'
  const compressed = 'the image is compressed and not in the cache'
  for (const [offered, how, expected] of [
    [sparse, request('auto'), `map: ${raw}`],
    [image('compressed'), request('auto', inCache), `map: ${raw}`],
    [image('compressed'), request('auto'), `lazy: no map: ${compressed}`],
    [image('raw'), request('auto'), 'lazy: no map: its checksums would not be checked'],
    [image('raw'), request('auto', inCache), `map: ${raw}`],
    [
      image('compressed'),
      request('auto', noUserfaultfd),
      `load: no map: ${compressed}; no lazy: no userfaultfd`,
    ],
    [
      image('stream'),
      request('auto'),
      'load: no map: an image of format raw is one stream; no lazy: pages of an image of format raw cannot be read one by one',
    ],
    [
      image('raw', { format: 'sparse', storedMib: 100 }),
      request('auto', inCache),
      'load: there is little memory to load',
    ],
  ] as const)
    assert.equal(await choice(offered, machine(), how), expected)
})

test('chooseSource() takes the requested mode where it is possible', async () => {
  for (const mode of ['map', 'lazy', 'load'] as const)
    for (const storedMib of [1, 200])
      assert.equal(
        await choice(image('raw', { storedMib }), machine(), request(mode)),
        `${mode}: it was asked for`,
      )
  assert.equal(
    await choice(image('compressed'), machine(), request('map', inCache)),
    'map: it was asked for',
  )
  assert.equal(await choice(image('stream'), machine(), request('load')), 'load: it was asked for')
})

test('chooseSource() refuses a requested mode that is not possible, with the code of the reason', async () => {
  const tooOld = machine('', { emulator: emulator(7, 2) })
  const wrong = [{ ...ofRam, length: MIB }]
  for (const [offered, on, how, code, message] of [
    [image('stream'), machine(), request('map'), 'IMAGE_INCOMPATIBLE', /be mapped: .* one stream/],
    [image('stream'), machine(), request('lazy'), 'IMAGE_INCOMPATIBLE', /demand: pages of an im/],
    [image('compressed'), machine(), request('map'), 'IMAGE_INCOMPATIBLE', /be mapped: .* compr/],
    [
      image('compressed'),
      machine(),
      request('map', { cached: () => Promise.resolve(wrong) }),
      'IMAGE_INCOMPATIBLE',
      /be mapped: the image is compressed/,
    ],
    [image('raw'), tooOld, request('map'), 'QEMU_LACKS_FEATURE', /QEMU before 8\.1/],
    [
      image('compressed'),
      machine(),
      request('lazy', noUserfaultfd),
      'QEMU_LACKS_FEATURE',
      /demand: no userfaultfd$/,
    ],
  ] as const)
    await assert.rejects(chooseSource(offered, on, how), {
      code,
      message,
      path: import.meta.filename,
      hint: /--mode load/,
    })
})

test('chooseSource() follows the memory settings of the domain', async () => {
  for (const [backing, mapReason, lazy] of [
    ['<hugepages/>', 'huge pages', true],
    ["<access mode='shared'/>", 'other processes share', true],
    ['<locked/>', 'locked memory', false],
    ["<allocation mode='immediate'/>", 'all of its memory at its start', false],
  ] as const) {
    const refused = { code: 'IMAGE_INCOMPATIBLE', message: new RegExp(mapReason) }
    await assert.rejects(chooseSource(image('raw'), machine(backing), request('map')), refused)
    if (!lazy)
      await assert.rejects(chooseSource(image('raw'), machine(backing), request('lazy')), refused)
    const { mode, why } = await chooseSource(image('raw'), machine(backing), request('auto'))
    assert.equal(mode, lazy ? 'lazy' : 'load')
    assert.match(why, new RegExp(`^no map: .*${mapReason}`))
  }
})

test('chooseSource() follows what QEMU can map', async () => {
  const balloon = 'virtio'
  const sparse = image('raw', { format: 'sparse' })
  const middle =
    'QEMU before 8.1 cannot take memory from the middle of a file, and the file system has no reflinks'
  const written =
    'the machine has a memory balloon, with which QEMU before 8.2 would write into the image'
  for (const [on, offered, how, expected] of [
    [{ emulator: emulator(7, 2) }, sparse, request('auto'), `lazy: no map: ${middle}`],
    [{ emulator: emulator(7, 2) }, sparse, request('auto', inCache), `lazy: no map: ${middle}`],
    [{ emulator: emulator(7, 2) }, image('compressed'), request('auto', inCache), /^map: /],
    [{ emulator: emulator(8, 1) }, sparse, request('auto'), /^map: /],
    [{ emulator: emulator(8, 1), balloon }, sparse, request('auto'), `lazy: no map: ${written}`],
    [{ emulator: emulator(8, 2), balloon }, sparse, request('auto'), /^map: /],
  ] as const) {
    const chosen = await choice(offered, machine('', on), how)
    if (typeof expected === 'string') assert.equal(chosen, expected)
    else assert.match(chosen, expected)
  }
})

test('chooseSource() loads the machine of a recorded command line, whatever the requested mode', async () => {
  for (const mode of ['auto', 'map', 'lazy', 'load'] as const)
    assert.equal(
      await choice(image('raw'), machine('', { recorded: {}, backends: [] }), request(mode)),
      'load: Stasis did not start its QEMU',
    )
})

test('chooseSource() checks the cache and the host only where they decide', async () => {
  const unasked = {
    cached: () => assert.fail('the cache is not looked at'),
    postcopyObstacle: () => assert.fail('the host is not looked at'),
  }
  const { cached, postcopyObstacle } = unasked
  const little = image('compressed', { storedMib: 1 })
  await chooseSource(image('compressed'), machine(), request('load', unasked))
  await chooseSource(little, machine(), request('auto', unasked))
  await chooseSource(image('raw', { format: 'sparse' }), machine(), request('auto', unasked))
  await chooseSource(image('stream'), machine(), request('auto', { cached }))
  await chooseSource(image('compressed'), machine(), request('lazy', { cached }))
  await chooseSource(
    image('compressed'),
    machine(),
    request('map', { ...inCache, postcopyObstacle }),
  )
})

test('chooseSource() leaves no file open, even where it tries reflinks', async () => {
  const before = await readdir('/proc/self/fd')
  for (const on of [emulator(7, 2), emulator(8, 1), emulator(10)])
    for (const mode of ['auto', 'lazy', 'load'] as const)
      await chooseSource(
        image('raw', { format: 'sparse' }),
        machine('', { emulator: on }),
        request(mode),
      )
  await chooseSource(image('raw'), machine(), request('map'))
  assert.deepEqual(await readdir('/proc/self/fd'), before)
})
