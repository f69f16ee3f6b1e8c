import type { FaultBed } from './bed.ts'
import type { DiskState } from './disk-model.ts'
import { OPERATIONS } from './operations.ts'

/** What a check of a disk after a power cut knows. */
export interface PowerCut {
  readonly bed: FaultBed
  readonly before: DiskState
  readonly after: DiskState
  readonly now: DiskState
  /** Commands that QEMU had been sent. */
  readonly commands: ReadonlySet<string>
  /** Whether the command had ended. */
  readonly isComplete: boolean
}

/** An operation whose changes are replayed. */
export interface PowerOperation {
  readonly name: string
  readonly sinceQemu?: number | undefined
  readonly prepare: (bed: FaultBed) => Promise<void>
  readonly argv: (bed: FaultBed) => readonly string[]
  /** Looks at names and contents only; throws an error about what is lost. */
  readonly look: (cut: PowerCut) => void
  /** Runs the next commands on the disk. */
  readonly use: (cut: PowerCut) => Promise<void>
}

/** The content of a file on a disk. */
function content(disk: DiskState, path: string): Buffer | undefined {
  const entry = disk.names.get(path)
  return entry?.kind === 'file' ? disk.files.get(entry.file) : undefined
}

function same(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a === undefined || b === undefined ? a === b : a.equals(b)
}

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(what)
}

/** A file is as before or as after, and as after once that is promised. */
function oldOrNew(cut: PowerCut, name: string, isPromised: boolean): void {
  const path = cut.bed.dir.join(name)
  const found = content(cut.now, path)
  const isNew = same(found, content(cut.after, path))
  check(
    isNew || same(found, content(cut.before, path)),
    `${name} is neither the older nor the newer one (${found?.length ?? 'no'} bytes)`,
  )
  check(isNew || !isPromised, `${name} is still the older one`)
}

function from(name: string): Pick<PowerOperation, 'name' | 'prepare' | 'argv' | 'sinceQemu'> {
  const operation = OPERATIONS.find((one) => one.name === name)
  if (operation === undefined) throw new Error(`there is no operation ${name}`)
  const { prepare, argv, sinceQemu } = operation
  return { name, prepare, argv, sinceQemu }
}

async function listed({ bed }: PowerCut): Promise<string> {
  return bed.must('list', '--all', '--managed-save')
}

function save(name: string): PowerOperation {
  return {
    ...from(name),
    look: (cut) => oldOrNew(cut, 'image', cut.commands.has('quit')),
    use: async (cut) => {
      await cut.bed.must('image-info', '--verify', cut.bed.dir.join('image'))
      await listed(cut)
      await cut.bed.must('restore', cut.bed.dir.join('image'), '--mode', 'load')
      await cut.bed.must('destroy', 'tiny')
    },
  }
}

const MANAGED = 'state/save/tiny.save'
const DEFINITION = 'state/domains/tiny.xml'
const OTHER = 'state/domains/other.xml'

export const POWER_OPERATIONS: readonly PowerOperation[] = [
  save('save stasis'),
  save('save raw'),
  save('save zstd'),
  save('save sparse'),
  save('save channels'),
  {
    ...from('managedsave'),
    look: (cut) => oldOrNew(cut, MANAGED, cut.commands.has('quit')),
    use: async (cut) => {
      const has = content(cut.now, cut.bed.dir.join(MANAGED)) !== undefined
      check((await listed(cut)).includes('saved') === has, 'the list does not show what there is')
      await cut.bed.must('start', 'tiny')
      await cut.bed.must('destroy', 'tiny')
    },
  },
  {
    ...from('start (managed save)'),
    look: (cut) => {
      if (!cut.commands.has('cont'))
        check(
          content(cut.now, cut.bed.dir.join(MANAGED)) !== undefined,
          'the managed save is gone before the guest ran',
        )
      oldOrNew(cut, MANAGED, cut.isComplete)
    },
    use: async (cut) => {
      await listed(cut)
      await cut.bed.must('start', 'tiny')
      await cut.bed.must('destroy', 'tiny')
    },
  },
  {
    ...from('convert to zstd'),
    look: (cut) => {
      check(
        same(
          content(cut.now, cut.bed.dir.join('image')),
          content(cut.before, cut.bed.dir.join('image')),
        ),
        'the image has changed',
      )
      oldOrNew(cut, 'out', cut.isComplete)
    },
    use: async (cut) => {
      await cut.bed.must(
        'image-convert',
        cut.bed.dir.join('image'),
        cut.bed.dir.join('out'),
        '--format',
        'zstd',
      )
      await cut.bed.must('image-info', '--verify', cut.bed.dir.join('out'))
    },
  },
  {
    ...from('save-image-define'),
    look: () => undefined,
    use: async (cut) => {
      const image = cut.bed.dir.join('image')
      const isEdited = (await cut.bed.must('save-image-dumpxml', image)).includes(
        '<description>edited</description>',
      )
      check(isEdited || !cut.isComplete, 'the edit is lost')
      await cut.bed.must('image-info', '--verify', image)
      await cut.bed.must('save-image-define', image, cut.bed.dir.join('again.xml'))
      await cut.bed.must('image-info', '--verify', image)
    },
  },
  {
    ...from('define'),
    look: (cut) => oldOrNew(cut, DEFINITION, cut.isComplete),
    use: async (cut) => {
      await listed(cut)
      await cut.bed.must('define', cut.bed.dir.join('tiny.xml'))
    },
  },
  {
    ...from('undefine'),
    look: (cut) => oldOrNew(cut, DEFINITION, cut.isComplete),
    use: async (cut) => {
      await listed(cut)
      await cut.bed.must('define', cut.bed.dir.join('tiny.xml'))
    },
  },
  {
    ...from('domrename'),
    look: (cut) => {
      oldOrNew(cut, DEFINITION, cut.isComplete)
      // The renamed file has the older text until it is written anew; `use` checks the name that is shown.
      const other = content(cut.now, cut.bed.dir.join(OTHER))
      if (!same(other, content(cut.before, cut.bed.dir.join(DEFINITION))))
        oldOrNew(cut, OTHER, cut.isComplete)
    },
    use: async (cut) => {
      const list = await listed(cut)
      const names = ['tiny', 'other'].filter((name) => list.includes(` ${name} `))
      check(
        names.length === 1,
        `the domain has the names ${names.join(' and ') || 'none'}: ${list}`,
      )
      const xml = await cut.bed.must('dumpxml', names[0] ?? '')
      check(xml.includes(`<name>${names[0] ?? ''}</name>`), `the XML has another name: ${xml}`)
      await cut.bed
        .must('restore', cut.bed.dir.join('image'), '--mode', 'load', '--paused')
        .catch(async () => {
          await cut.bed.must('dumpxml', names[0] ?? '')
        })
      await cut.bed.run(['destroy', names[0] ?? ''])
    },
  },
]
