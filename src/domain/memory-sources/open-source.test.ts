import assert from 'node:assert/strict'
import { existsSync, openSync, closeSync } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { writeChannelsImage, streamBytes } from '../../../test/support/channels-image.ts'
import { buildStasisImage, TEST_TAIL } from '../../../test/support/stasis-image.ts'
import { tempDir, type TempDir } from '../../../test/support/temp-dir.ts'
import { NewImage } from '../../image/new-image.ts'
import { openImage } from '../../image/open-image.ts'
import type { SavedMachine } from '../../image/saved-machine.ts'
import { tryLock } from '../../io/system-calls.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { PAGE_SIZE } from '../../wire/page-size.ts'
import { runtimePaths } from '../store/runtime-paths.ts'
import { chooseLoader } from './choose-loader.ts'
import { type ChosenSource, chooseSource } from './choose-source.ts'
import type { RestoreMode } from './memory-source.ts'
import type { ComingMachine, SourceOptions } from './source-choice.ts'

/** `pc.ram` of the test image. */
const RAM = { id: 'pc.ram', length: 64 * PAGE_SIZE }

const { domain } = readDomain(
  parseDomainXml(`<domain type='qemu'><name>a</name><memory unit='MiB'>1</memory><vcpu>1</vcpu>
    <os><type arch='x86_64' machine='pc-q35-10.0'>hvm</type></os></domain>`),
)

/** A cached copy of that RAM. */
async function cachedRam(dir: TempDir): Promise<string> {
  const path = dir.join('cached')
  await writeFile(path, Buffer.alloc(RAM.length))
  return path
}

async function choose(
  image: SavedMachine,
  mode: RestoreMode,
  cachedPath: string,
  capabilities: readonly string[] = [],
): Promise<ChosenSource> {
  const machine: ComingMachine = {
    domain,
    backends: [RAM],
    emulator: {
      version: { major: 10, minor: 0, micro: 0 },
      probed: { migrationCapabilities: capabilities },
    },
  }
  return chooseSource(image, machine, {
    mode,
    cached: () => Promise.resolve([{ ...RAM, path: cachedPath, offset: 0 }]),
    postcopyObstacle: () => Promise.resolve(undefined),
  })
}

async function places(dir: TempDir): Promise<SourceOptions> {
  const directories = { stateDir: dir.join('state'), runtimeDir: dir.join('run') }
  const paths = runtimePaths(directories, 'a')
  await mkdir(paths.directory, { recursive: true })
  return { paths, stateDir: directories.stateDir, readers: 2, direct: false, signal: undefined }
}

async function makeImage(kind: 'stasis' | 'raw' | 'channels', path: string): Promise<void> {
  if (kind === 'stasis') await writeFile(path, buildStasisImage().bytes)
  else if (kind === 'channels')
    await writeChannelsImage(path, streamBytes(3, 5000), [streamBytes(5, 900)])
  else {
    const description = { xml: '<domain/>', cookie: undefined, wasRunning: true }
    await using image = await NewImage.create(path, { format: 'raw', description, direct: false })
    await image.file.write(TEST_TAIL, image.bodyOffset)
    await image.publish(image.bodyOffset + TEST_TAIL.length)
  }
}

function isLocked(path: string): boolean {
  const fd = openSync(path, 'r')
  try {
    return !tryLock(fd)
  } finally {
    closeSync(fd)
  }
}

const SOURCES = [
  { mode: 'load', kind: 'stasis' },
  { mode: 'load', kind: 'raw' },
  { mode: 'load', kind: 'channels' },
  { mode: 'map', kind: 'stasis' },
  { mode: 'lazy', kind: 'stasis' },
] as const

for (const { mode, kind } of SOURCES) {
  test(`a ${mode} source of a ${kind} image acquires nothing until it is opened, and may be disposed twice`, async () => {
    await using dir = await tempDir()
    await makeImage(kind, dir.join('image'))
    const [cached, options] = [await cachedRam(dir), await places(dir)]
    await using image = await openImage(dir.join('image'), { direct: false })
    const before = await readdir('/proc/self/fd')
    const chosen = await choose(image, mode, cached)
    assert.equal(chosen.mode, mode)
    assert.deepEqual(await readdir('/proc/self/fd'), before)
    assert.equal(isLocked(cached), false)

    const source = chosen.open(options)
    const { inherited, memory } = source.launchNeeds
    assert.equal(inherited.length > 0, mode === 'lazy')
    assert.deepEqual([...memory.keys()], mode === 'lazy' || kind !== 'stasis' ? [] : ['pc.ram'])
    assert.equal(memory.get('pc.ram')?.share, memory.size === 0 ? undefined : mode === 'load')
    assert.equal(isLocked(cached), mode === 'map')
    await source[Symbol.asyncDispose]()
    const after = await readdir('/proc/self/fd')
    assert.deepEqual(after, before)
    // A file that reuses the number of a closed descriptor must not be closed with it.
    const others = Array.from({ length: 8 }, () => openSync(cached, 'r'))
    await source[Symbol.asyncDispose]()
    for (const fd of others) closeSync(fd)
    assert.equal(isLocked(cached), false)
    assert.equal(existsSync(options.paths.postcopy), false)
  })
}

test('a source whose opening fails leaves nothing open', async () => {
  await using dir = await tempDir()
  await makeImage('stasis', dir.join('image'))
  const options = await places(dir)
  await using image = await openImage(dir.join('image'), { direct: false })
  const before = await readdir('/proc/self/fd')
  const short = dir.join('short')
  await writeFile(short, Buffer.alloc(RAM.length - 1))
  const map = await choose(image, 'map', short)
  assert.throws(() => map.open(options), { code: 'IMAGE_TRUNCATED', path: short })
  const gone = await choose(image, 'map', dir.join('gone'))
  assert.throws(() => gone.open(options), { code: 'FILE_NOT_FOUND' })
  assert.deepEqual(await readdir('/proc/self/fd'), before)
})

test("QEMU's own loader gets no memory files, and an image that fits the machine", async () => {
  await using dir = await tempDir()
  await makeImage('stasis', dir.join('image'))
  const options = await places(dir)
  await using opened = await openImage(dir.join('image'), { direct: false })
  const image = { ...opened, mappedRam: { fd: 9, offset: 4096, direct: false } }
  for (const [capabilities, files] of [
    [['mapped-ram'], 0],
    [[], 1],
  ] as const) {
    const chosen = await choose(image, 'load', '', capabilities)
    await using source = chosen.open(options)
    assert.equal(source.launchNeeds.memory.size, files)
  }
  const short = { ...RAM, length: PAGE_SIZE }
  const load = chooseLoader(image, { backends: [short], capabilities: ['mapped-ram'] })
  assert.throws(() => load(options), { code: 'IMAGE_INCOMPATIBLE' })
})
