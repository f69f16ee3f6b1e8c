import { QEMU_START } from '../suites/instant.ts'
import { type FindResults, type Target, largest, ratioOf } from './measure-target.ts'
import { medianOf } from './tables-of.ts'

const MIB = 2 ** 20

const UNCOMPRESSED = 'stasis save, uncompressed'
const ADAPTIVE = 'stasis save, zstd adaptive'
const MAP = 'stasis map, uncompressed'

/** The fastest way of QEMU. */
export const MAPPED = 'mapped-ram + multifd + direct-io'
/** The fastest way of virsh. */
export const SPARSE = 'sparse, 4 channels, past the cache'
/** The two ways in which QEMU reads a stream of its own: through `cat`, as all versions do, and from the file. */
export const PLAIN_STREAMS = ['plain stream through a pipe', 'plain stream to a file'] as const

const SAVE = { suite: 'save', ramGib: 4 } as const
const RESTORE = { suite: 'restore', ramGib: 4 } as const
const VERIFY = { suite: 'verify', ramGib: 4 } as const

const OVERHEAD =
  'fewer wake-ups between QEMU and Stasis. Below this hypervisor, waking a thread on the other processor takes 18 µs of processor time, and on the same one 2.5 µs: in two sessions with the same scenarios in the same order, a save took 1.6 s and 3.5 s of it, probably by where the scheduler put its threads. QEMU alone hardly wakes threads'
const COMPRESSION =
  'more processors, or a faster codec: with two, compressing everything at zstd level 1 takes about as long as this disk takes for the result'
const FILLING =
  'reads that begin while the command starts, and no copy: QEMU reads from the disk into the memory of the guest'

const READING =
  'a faster disk, or memory that compresses better: half of this content cannot be compressed, so the image is 0.6 times as long as the plain stream, and QEMU reads that as fast as the disk permits. An adaptive image is longer still if the disk writes faster than the processors compress'

const PAUSE =
  'real processors: under a paravirtual memory management unit each page that QEMU protects costs about a microsecond, and memory files have pages of 4 KiB'

/** The targets. The guest has 4 GiB unless they say otherwise, is three quarters filled, and half of that can be compressed. */
export const TARGETS: readonly Target[] = [
  {
    figure: 'save uncompressed',
    against: `QEMU ${MAPPED}`,
    ...{ most: 1, command: 'save', reach: OVERHEAD },
    measure: ratioOf(UNCOMPRESSED, `qemu save, ${MAPPED}`, SAVE),
  },
  {
    figure: 'save uncompressed',
    against: `virsh 11.3 ${SPARSE}`,
    ...{ most: 0.95, command: 'save', reach: OVERHEAD },
    measure: ratioOf(UNCOMPRESSED, `virsh 11.3 save, ${SPARSE}`, SAVE),
  },
  {
    figure: 'save zstd, adaptive',
    against: 'our uncompressed save',
    ...{ most: 1.35, command: 'save', reach: COMPRESSION },
    measure: ratioOf(ADAPTIVE, UNCOMPRESSED, SAVE),
  },
  {
    figure: 'save zstd, adaptive',
    against: 'virsh 11.3 zstd',
    ...{ most: 0.4, command: 'save', reach: COMPRESSION },
    measure: ratioOf(ADAPTIVE, 'virsh 11.3 save, zstd', SAVE),
  },
  {
    figure: 'save on a disk of 500 MB/s, adaptive, 2 GiB',
    against: 'our uncompressed save there',
    ...{ most: 0.7, command: 'throttled --ram 2', reach: COMPRESSION },
    measure: ratioOf(`${ADAPTIVE}, 500 MB/s`, `${UNCOMPRESSED}, 500 MB/s`, {
      ...{ suite: 'throttled', ramGib: 2 },
    }),
  },
  {
    figure: 'full load uncompressed, cold',
    against: `QEMU ${MAPPED}`,
    ...{ most: 1.05, command: 'restore', reach: FILLING },
    measure: ratioOf('stasis load, uncompressed', `qemu load, ${MAPPED}`, RESTORE),
  },
  ...['zstd adaptive', 'zstd 1'].flatMap((codec) => [
    {
      figure: `full load ${codec}, cold`,
      against: 'virsh 11.3 restore zstd',
      ...{ most: 0.25, command: 'restore', reach: READING },
      measure: ratioOf(`stasis load, ${codec}`, 'virsh 11.3 restore, zstd', RESTORE),
    },
    ...PLAIN_STREAMS.map((stream) => ({
      figure: `full load ${codec}, cold`,
      against: `QEMU ${stream}`,
      ...{ most: 0.35, command: 'restore', reach: READING },
      measure: ratioOf(`stasis load, ${codec}`, `qemu load, ${stream}`, RESTORE),
    })),
  ]),
  {
    figure: 'restore to running by map, 8 GiB',
    against: 'virsh 11.3 restore, sparse, 4 channels',
    ...{ most: 0.1, command: 'restore --ram 1,8', reach: 'start QEMU and Node in less time' },
    measure: ratioOf(MAP, `virsh 11.3 restore with 4 channels past the cache, ${SPARSE}`, {
      ...{ suite: 'restore', ramGib: 8 },
    }),
  },
  {
    figure: 'restore to running by map, 8 GiB',
    against: 'the same with 1 GiB',
    ...{ most: 1.2, command: 'restore --ram 1,8', reach: 'find what grows with the memory' },
    measure: (find) => medianOf(find('restore', 8), MAP) / medianOf(find('restore', 1), MAP),
  },
  {
    figure: 'restore to running, lazy zstd, cold',
    against: "QEMU's own start with the same machine",
    ...{
      most: 1.5,
      command: 'instant',
      reach:
        'a process that stays: one start of Node and the code of the command are two fifths of the time, the checks and the start of QEMU half, and the rest, pages included, a tenth',
    },
    measure: ratioOf('stasis lazy, zstd adaptive', QEMU_START, { suite: 'instant', ramGib: 4 }),
  },
  {
    figure: 'all memory of a lazy restore, zstd, cold',
    against: 'our load',
    ...{
      most: 1.2,
      command: 'instant',
      reach:
        'longer runs of pages: QEMU takes the pages of a postcopy one at a time, with a system call for each',
    },
    measure: ratioOf('stasis lazy --wait memory, zstd adaptive', 'stasis load, zstd adaptive', {
      ...{ suite: 'instant', ramGib: 4 },
    }),
  },
  ...['list --all', 'domstate running'].map((command) => ({
    figure: `${command}, processor time`,
    against: 'node -e 0',
    ...{
      most: 1.6,
      command: 'start',
      reach:
        'less code to read and set up, and fewer records of domains to read: each is about a third of what is above `node -e 0`',
    },
    measure: ratioOf(`stasis ${command}`, 'node -e 0', {
      ...{ suite: 'start', figure: 'processorSeconds' },
    }),
  })),
  ...['zstd', 'uncompressed'].map((codec) => ({
    figure: `verify, ${codec}`,
    against: 'dd with O_DIRECT',
    ...{
      most: 1.3,
      command: 'verify',
      reach: 'more than one reader, and threads that start sooner',
    },
    measure: ratioOf(`verify stasis, ${codec}`, `dd stasis, ${codec}`, VERIFY),
  })),
  ...[
    { ramGib: 1, most: 10, name: 'save --live' },
    { ramGib: 1, most: 10, name: 'save --live of a loaded guest' },
    { ramGib: 1, most: 10, name: 'save --live of a mapped guest' },
    { ramGib: 1, most: 10, name: 'checkpoint' },
    { ramGib: 4, most: 30, name: 'save --live' },
    { ramGib: 4, most: 30, name: 'save --live of a loaded guest' },
    { ramGib: 4, most: 30, name: 'checkpoint' },
  ].map(({ ramGib, most, name }) => ({
    figure: `pause of ${name}, quiet guest of ${ramGib} GiB, in ms`,
    against: '–',
    ...{ most, command: `live --ram ${ramGib}`, reach: PAUSE },
    measure: (find: FindResults) =>
      medianOf(find('live', ramGib), `stasis ${name}, quiet`, 'pauseSeconds') * 1000,
  })),
  ...[1, 4].map((ramGib) => ({
    figure: `pause of save --live, guest of ${ramGib} GiB that writes hard`,
    against: 'the pause of a save',
    ...{ most: 0.1, command: `live --ram ${ramGib}`, reach: PAUSE },
    measure: ratioOf('stasis save --live, writing hard', 'stasis save, writing hard', {
      ...{ suite: 'live', ramGib, figure: 'pauseSeconds' },
    }),
  })),
  {
    figure: 'peak memory of ours at 4 channels, 2 GiB, in MiB',
    against: '–',
    ...{ most: 256, command: 'channels --ram 2', reach: 'fewer buffers for each channel' },
    measure: (find) =>
      largest(
        find('channels', 2),
        ['none', 'zstd'].map((codec) => `stasis save, ${codec}, 4 channels`),
        'peakBytes',
      ) / MIB,
  },
]
