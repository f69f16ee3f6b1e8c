import { existsSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import type { FaultBed } from './bed.ts'

/** An operation on the domain `tiny` that is done again and again on one bed. */
export interface Operation {
  readonly name: string
  /** Makes the state that it starts from, on a bed where the domain is only defined. */
  readonly prepare: (bed: FaultBed) => Promise<void>
  readonly argv: (bed: FaultBed) => readonly string[]
  /** What the state must be after success, and after a refusal; throws an error about what is lost. */
  readonly done: (bed: FaultBed, before: Before) => Promise<void>
  readonly refused: (bed: FaultBed, before: Before) => Promise<void>
  /** Returns to the state that it starts from; `false` when only a new bed has it. */
  readonly again: (bed: FaultBed) => Promise<boolean>
  /** QEMUs from this major version on. */
  readonly sinceQemu?: number | undefined
}

/** What is compared. */
export interface Before {
  readonly image: string | undefined
  readonly definition: string | undefined
  /** What the guest has written. */
  readonly output: string | undefined
}

export function lookAt(bed: FaultBed): Before {
  return {
    image: bed.digest('image'),
    definition: bed.digest('state/domains/tiny.xml'),
    output: bed.digest('serial'),
  }
}

/** QEMU 9.0 and later have mapped-ram. */
const MAPPED_RAM = 9

const PLAIN = ['--parallel-compression', 'none']

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(what)
}

async function goesOn({ log }: FaultBed): Promise<void> {
  await log.advance(1)
  await log.assertUnbroken()
}

async function isState(bed: FaultBed, wanted: string): Promise<void> {
  const state = await bed.state()
  check(state === wanted, `the domain is ${state}, not ${wanted}`)
}

async function boot(bed: FaultBed): Promise<void> {
  await bed.must('start', 'tiny')
  await bed.log.advance(1)
}

/** The domain is off and `image` has it. */
function saved(options: readonly string[]): (bed: FaultBed) => Promise<void> {
  return async (bed) => {
    await boot(bed)
    await bed.must('save', 'tiny', bed.dir.join('image'), ...options)
  }
}

function sameImage(bed: FaultBed, before: Before): void {
  check(bed.digest('image') === before.image, 'the image is not as it was')
}

/** A guest that has run is not thrown away: its disks may have changed, and then the image no longer fits. */
function hasNotRun(bed: FaultBed, before: Before): void {
  check(bed.digest('serial') === before.output, 'the guest ran before the restore failed')
}

function save(name: string, options: readonly string[], sinceQemu = 0): Operation {
  return {
    name: `save ${name}`,
    sinceQemu,
    prepare: async (bed) => {
      await saved(options)(bed)
      await bed.must('restore', bed.dir.join('image'), '--mode', 'load')
      await bed.log.advance(1)
    },
    argv: (bed) => ['save', 'tiny', bed.dir.join('image'), ...options],
    done: async (bed) => {
      await isState(bed, 'shut off')
      await bed.must('restore', bed.dir.join('image'), '--mode', 'load')
      await goesOn(bed)
    },
    refused: async (bed, before) => {
      const isNew = bed.digest('image') !== before.image
      await isState(bed, isNew ? 'shut off' : 'running')
      // A failure after the commit point: the domain is in its file, or its QEMU could not be ended.
      if (isNew) await bed.must('restore', bed.dir.join('image'), '--mode', 'load')
      await goesOn(bed)
    },
    again: () => Promise.resolve(true),
  }
}

function restore(
  name: string,
  options: readonly string[],
  restoreOptions: readonly string[],
  sinceQemu = 0,
): Operation {
  return {
    name: `restore ${name}`,
    sinceQemu,
    prepare: saved(options),
    argv: (bed) => ['restore', bed.dir.join('image'), ...restoreOptions, '--wait', 'memory'],
    done: async (bed) => {
      await isState(bed, 'running')
      await goesOn(bed)
    },
    refused: async (bed, before) => {
      sameImage(bed, before)
      const state = await bed.state()
      if (state !== 'shut off') {
        // The guest is there, and only its memory or the answer is late. `postcopy-recover` is what the message advises.
        await bed.run(['postcopy-recover', 'tiny'])
        // It may have continued meanwhile.
        if ((await bed.state()) === 'paused') await bed.run(['resume', 'tiny'])
        await goesOn(bed)
        return
      }
      await isState(bed, 'shut off')
      hasNotRun(bed, before)
    },
    again: async (bed) => {
      if ((await bed.state()) === 'shut off') return true
      const save = ['save', 'tiny', bed.dir.join('image'), ...options]
      if ((await bed.run(save)).exitCode === 0) return true
      // Its page server could not read the image: the message advises this.
      await bed.must('postcopy-recover', 'tiny')
      await bed.must(...save)
      return true
    },
  }
}

async function managed(bed: FaultBed): Promise<void> {
  await boot(bed)
  await bed.must('managedsave', 'tiny')
}

/** Something done to an image or a definition while the domain is off. */
function quiet(
  name: string,
  argv: Operation['argv'],
  after: {
    readonly done?: Operation['done']
    readonly again?: Operation['again']
    readonly prepare?: Operation['prepare']
  } = {},
): Operation {
  return {
    name,
    prepare: async (bed) => {
      await saved(PLAIN)(bed)
      const xml = await bed.must('save-image-dumpxml', bed.dir.join('image'))
      await writeFile(
        bed.dir.join('edited.xml'),
        xml.replace('</name>', '</name><description>edited</description>'),
      )
      await writeFile(bed.dir.join('again.xml'), xml)
      await after.prepare?.(bed)
    },
    argv,
    done: async (bed, before) => {
      await after.done?.(bed, before)
      await bed.must('image-info', '--verify', bed.dir.join('image'))
    },
    refused: async (bed, before) => {
      sameImage(bed, before)
      check(
        bed.digest('state/domains/tiny.xml') === before.definition,
        'the definition is not as it was',
      )
      await isState(bed, 'shut off')
    },
    again: after.again ?? (() => Promise.resolve(true)),
  }
}

function convert(format: string): Operation {
  return quiet(
    `convert to ${format}`,
    ({ dir }) => ['image-convert', dir.join('image'), dir.join('out'), '--format', format],
    {
      done: async (bed, before) => {
        sameImage(bed, before)
        await bed.must('image-info', '--verify', bed.dir.join('out'))
      },
      again: async ({ dir }) => {
        await rm(dir.join('out'), { force: true })
        return true
      },
    },
  )
}

export const OPERATIONS: readonly Operation[] = [
  save('stasis', ['--format', 'stasis']),
  save('stasis, plain', ['--format', 'stasis', ...PLAIN, '--no-bypass-cache']),
  save('raw', ['--format', 'raw']),
  save('zstd', ['--format', 'zstd']),
  save('xz', ['--format', 'xz']),
  save('sparse', ['--format', 'sparse'], MAPPED_RAM),
  save('channels', ['--format', 'channels']),
  save('channels, zstd', ['--format', 'channels', '--parallel-compression', 'zstd']),
  {
    ...save('', []),
    name: 'managedsave',
    prepare: boot,
    argv: () => ['managedsave', 'tiny'],
    done: async (bed) => {
      await isState(bed, 'shut off')
      await bed.must('start', 'tiny')
      await goesOn(bed)
    },
    refused: async (bed) => {
      const isSaved = existsSync(bed.dir.join('state/save/tiny.save'))
      await isState(bed, isSaved ? 'shut off' : 'running')
      if (isSaved) await bed.must('start', 'tiny')
      await goesOn(bed)
    },
  },
  restore('load', [], ['--mode', 'load']),
  // Earlier ones need a file system with reflinks.
  restore('map', PLAIN, ['--mode', 'map'], 9),
  restore('lazy', [], ['--mode', 'lazy']),
  restore('raw', ['--format', 'raw'], ['--mode', 'load']),
  restore('zstd', ['--format', 'zstd'], ['--mode', 'load']),
  restore("QEMU's own loader", ['--format', 'sparse'], ['--mode', 'load'], MAPPED_RAM),
  restore("QEMU's own streams", ['--format', 'channels'], ['--mode', 'load']),
  {
    name: 'start (managed save)',
    prepare: managed,
    argv: () => ['start', 'tiny'],
    done: async (bed) => {
      await isState(bed, 'running')
      await goesOn(bed)
    },
    refused: async (bed, before) => {
      const list = await bed.must('list', '--all', '--managed-save')
      check(list.includes('saved'), `the managed save is gone: ${list}`)
      hasNotRun(bed, before)
    },
    again: async (bed) => {
      if ((await bed.state()) !== 'running') return true
      await bed.must('managedsave', 'tiny')
      return true
    },
  },
  convert('zstd'),
  convert('sparse'),
  {
    ...quiet('save-image-define', ({ dir }) => [
      'save-image-define',
      dir.join('image'),
      dir.join('edited.xml'),
    ]),
    // An edit is journalled in the image: its bytes may differ, but not what it says.
    refused: async (bed) => {
      const xml = await bed.must('save-image-dumpxml', bed.dir.join('image'))
      check(!xml.includes('<description>edited</description>'), 'the image is edited')
      await bed.must('image-info', '--verify', bed.dir.join('image'))
    },
    again: async (bed) => {
      await bed.must('save-image-define', bed.dir.join('image'), bed.dir.join('again.xml'))
      return true
    },
  },
  quiet('define', ({ dir }) => ['define', dir.join('other.xml')], {
    again: async (bed) => {
      await bed.must('define', bed.dir.join('tiny.xml'))
      return true
    },
  }),
  quiet('undefine', () => ['undefine', 'tiny'], {
    done: async (bed) => {
      await bed.must('define', bed.dir.join('tiny.xml'))
    },
  }),
  quiet('domrename', () => ['domrename', 'tiny', 'other'], {
    done: async (bed) => {
      await bed.must('domrename', 'other', 'tiny')
    },
  }),
  quiet('image-cache add', ({ dir }) => ['image-cache', 'add', dir.join('image')], {
    again: async (bed) => {
      await bed.run(['image-cache', 'remove', bed.dir.join('image')])
      return true
    },
  }),
  {
    ...quiet('image-cache remove', ({ dir }) => ['image-cache', 'remove', dir.join('image')], {
      prepare: async (bed) => {
        await bed.must('image-cache', 'add', bed.dir.join('image'))
      },
    }),
    again: async (bed) => {
      await bed.must('image-cache', 'add', bed.dir.join('image'))
      return true
    },
  },
  {
    name: 'managedsave-remove',
    prepare: managed,
    argv: () => ['managedsave-remove', 'tiny'],
    done: async (bed) => {
      const list = await bed.must('list', '--all', '--managed-save')
      check(!list.includes('saved'), `the managed save is still there: ${list}`)
    },
    refused: async (bed) => {
      await isState(bed, 'shut off')
      await bed.must('start', 'tiny')
      await goesOn(bed)
    },
    again: async (bed) => {
      if ((await bed.state()) === 'running') await bed.must('managedsave', 'tiny')
      return existsSync(bed.dir.join('state/save/tiny.save'))
    },
  },
]
