import { dirname, extname, join } from 'node:path'
import { DomainError, StasisError, StorageError, throwIfCancelled } from '../../errors.ts'
import { openImage } from '../../image/open-image.ts'
import { copyImage } from '../../image/replace-description.ts'
import type { SaveFormat } from '../../image/save-format.ts'
import { copyFileDurably, makeLink } from '../../io/files/copy-file.ts'
import { makeDirectory } from '../../io/files/directory.ts'
import { isThere, removeFile } from '../../io/files/file-names.ts'
import { readText, writeText } from '../../io/records/text-file.ts'
import { forEveryLibvirt } from '../../qemu/domain-xml/normalise/for-every-libvirt.ts'
import { isAutostarted } from '../catalogue/autostart.ts'
import { HeldDomain } from '../catalogue/held-domain.ts'
import { convert } from '../images/convert-image.ts'
import { readDefinition } from '../store/definitions.ts'
import { checkOptions, checkReferences } from '../store/check-options.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { hasUsableManagedSave } from '../store/saves/managed-image.ts'
import { removeManagedImage } from '../store/saves/remove-managed-image.ts'
import { uuidIn } from './files-source.ts'
import { type ManagedSaveChoice, requireChoice } from './managed-save-choice.ts'
import { nvramPathIn, withNvramPath } from './nvram-path.ts'
import { type LibvirtOptions, type LibvirtPlaces, connectionOf, libvirtPlaces } from './places.ts'
import { runsThere } from './running-there.ts'

/** How to give domains to libvirt. */
export interface ExportOptions extends DomainOptions, LibvirtOptions {
  /** Move, copy or leave a managed save. Without it, a domain that has one is not exported. */
  readonly managedSave?: ManagedSaveChoice | undefined
  /** The format of the managed save there. Default: its own if every libvirt reads it, otherwise `raw`. */
  readonly format?: SaveFormat | undefined
  /** Replace a definition and a variable store that are there already. A managed save is never replaced. */
  readonly replace?: boolean | undefined
  /** Only report the outcomes; change nothing. */
  readonly dryRun?: boolean | undefined
}

/** The outcome for one domain. */
export interface ExportOutcome {
  readonly name: string
  readonly outcome: 'exported' | 'would be exported' | 'not exported'
  readonly uuid?: string
  /** The files that were written, or would be. */
  readonly written?: readonly string[]
  /** The remaining steps, each with its command. */
  readonly left?: readonly string[]
  readonly error?: StasisError
}

/**
 * Gives domains to libvirt: writes definition, UEFI variable store, autostart, and on request the managed save, into libvirt's directories.
 * Disks stay where they are, and the domains stay defined here. A domain that cannot be exported is not an error: its outcome says so.
 * @throws CancelledError
 * @example
 * const [web] = await exportDomains(['web'], { managedSave: 'move' })
 * console.log(web?.written, web?.left)
 */
export async function exportDomains(
  references: readonly string[],
  options: ExportOptions = {},
): Promise<readonly ExportOutcome[]> {
  checkOptions(options, {
    libvirt: ['system', 'session'],
    managedSave: ['move', 'copy', 'leave'],
  })
  checkReferences(references)
  const places = libvirtPlaces(connectionOf(options), { root: options.libvirtRoot })
  const outcomes: ExportOutcome[] = []
  for (const reference of references) {
    throwIfCancelled('export domains', options.signal)
    outcomes.push(await exportOne(reference, places, options))
  }
  return outcomes
}

async function exportOne(
  reference: string,
  places: LibvirtPlaces,
  options: ExportOptions,
): Promise<ExportOutcome> {
  try {
    await using held =
      options.dryRun === true
        ? await HeldDomain.look(reference, 'export', options)
        : await HeldDomain.find(reference, 'export', options)
    const plan = await planExport(held, places, options)
    const { name, uuid } = plan
    const written = plan.files.map(({ path }) => path)
    const facts = { name, uuid, written, left: leftToDo(plan, places) }
    if (options.dryRun === true) return { ...facts, outcome: 'would be exported' }
    const warnings = await write(held, plan)
    return { ...facts, left: [...warnings, ...facts.left], outcome: 'exported' }
  } catch (error) {
    if (!(error instanceof StasisError) || options.signal?.aborted === true) throw error
    return { name: reference, outcome: 'not exported', error }
  }
}

/** A file that an export makes, in the order in which it is made. */
interface NewFile {
  readonly path: string
  /** Whether there may be an older one that is replaced. */
  readonly replaces: boolean
  readonly make: () => Promise<unknown>
}

interface ExportPlan {
  readonly name: string
  readonly uuid: string
  readonly files: readonly NewFile[]
  readonly autostart: boolean
  readonly managedSave: ManagedSaveChoice
  readonly tpm: boolean
}

/** @throws DomainError DOMAIN_RUNNING, DOMAIN_EXISTS, DOMAIN_HAS_MANAGED_SAVE, DOMAIN_NOT_FOUND; StorageError FILE_EXISTS */
async function planExport(
  held: HeldDomain,
  places: LibvirtPlaces,
  options: ExportOptions,
): Promise<ExportPlan> {
  const { name, paths, directories } = held
  held.requireOff()
  const xml = await readDefinition(directories, name)
  if (xml === undefined)
    throw new DomainError('DOMAIN_NOT_FOUND', `Domain '${name}' is not defined`)
  const uuid = uuidIn(xml)
  const runs = await runsThere({ name, uuid }, places)
  if (runs !== undefined)
    throw new DomainError('DOMAIN_RUNNING', `Domain '${name}' runs with libvirt: ${runs}`)
  const definition = join(places.definitions, `${name}.xml`)
  await refuseAnother(definition, { name, uuid }, options)

  const own = nvramPathIn(xml)
  const moves = own?.startsWith(`${directories.stateDir}/`) === true
  const store = moves ? join(places.nvram, `${name}_VARS${extname(own)}`) : undefined
  const seenStore = store === undefined ? undefined : asLibvirtSees(store, places)
  const hasSave = await hasUsableManagedSave(held)
  const managedSave = hasSave
    ? requireChoice(options.managedSave, { name, image: paths.managedSave, holder: 'Stasis' })
    : 'leave'
  const autostart = await isAutostarted(directories, name)
  const files: NewFile[] = []
  if (hasSave && managedSave !== 'leave') {
    const path = join(places.saves, `${name}.save`)
    files.push({
      path,
      replaces: false,
      make: async () => writeSave(paths.managedSave, path, seenStore, options),
    })
  }
  if (moves && store !== undefined && (await isThere(own)))
    files.push({ path: store, replaces: true, make: async () => copyFileDurably(own, store) })
  const text = forEveryLibvirt(withNvramPath(xml, seenStore))
  files.push({
    path: definition,
    replaces: true,
    make: async () => {
      await makeDirectory(places.definitions)
      await writeText(definition, text, { durable: true })
    },
  })
  const link = join(places.autostart, `${name}.xml`)
  if (autostart && !(await isThere(link)))
    files.push({
      path: link,
      replaces: false,
      make: async () => makeLink(asLibvirtSees(definition, places), link),
    })
  for (const { path, replaces } of files) await refuseExisting(path, replaces, options)
  return { name, uuid, files, autostart, managedSave, tpm: /<tpm\b/.test(xml) }
}

/** @throws DomainError DOMAIN_EXISTS if libvirt has another domain with this name */
async function refuseAnother(
  path: string,
  { name, uuid }: { readonly name: string; readonly uuid: string },
  options: ExportOptions,
): Promise<void> {
  const theirs = await readText(path)
  if (theirs === undefined || uuidIn(theirs) === uuid) return
  throw new DomainError(
    'DOMAIN_EXISTS',
    `libvirt defines another domain '${name}', with the UUID ${uuidIn(theirs)}`,
    {
      path,
      hint: `Rename one of them: \`stasis domrename ${name} OTHER\`${options.replace === true ? '. --replace does not replace another domain' : ''}`,
    },
  )
}

/** @throws StorageError FILE_EXISTS */
async function refuseExisting(
  path: string,
  replaces: boolean,
  { replace }: ExportOptions,
): Promise<void> {
  if (!(await isThere(path)) || (replaces && replace === true)) return
  throw new StorageError('FILE_EXISTS', `${path} exists already`, {
    path,
    hint: replaces
      ? '--replace replaces it'
      : 'It may be a guest that libvirt saved: look with `virsh list --all --managed-save`',
  })
}

/** Makes the files. A failure removes those that were made. Returns warnings about failures after that. */
async function write(
  held: HeldDomain,
  { files, managedSave }: ExportPlan,
): Promise<readonly string[]> {
  await using made = new AsyncDisposableStack()
  for (const { path, make } of files) {
    if (!(await isThere(path))) made.defer(async () => removeFile(path))
    await make()
  }
  made.move()
  if (managedSave !== 'move') return []
  try {
    return await removeManagedImage(held.directories, held.paths)
  } catch (error) {
    if (!(error instanceof StasisError)) throw error
    return [
      `Stasis still has the managed save, which only one side may resume: ${error.message}. Run \`stasis managedsave-remove ${held.name}\``,
    ]
  }
}

/** Every libvirt reads these. */
const KNOWN: ReadonlySet<SaveFormat> = new Set(['raw', 'gzip', 'bzip2', 'xz', 'lzop'])

/** Writes the managed save in a format that libvirt reads. */
async function writeSave(
  from: string,
  to: string,
  nvram: string | undefined,
  options: ExportOptions,
): Promise<void> {
  await makeDirectory(dirname(to))
  const { format, description } = await headOf(from)
  const wanted = options.format ?? (KNOWN.has(format) ? format : 'raw')
  const describe = (old: typeof description): typeof description => ({
    ...old,
    xml: withNvramPath(old.xml, nvram),
  })
  if (wanted === format) await copyImage(from, to, describe(description))
  else await convert(from, to, { ...options, format: wanted }, describe)
}

async function headOf(path: string) {
  await using image = await openImage(path, { direct: false })
  return { format: image.format, description: image.description }
}

/** The path without the root that is before it. */
function asLibvirtSees(path: string, { root }: LibvirtPlaces): string {
  return root === '/' ? path : path.slice(root.replace(/\/$/, '').length)
}

function leftToDo(
  { name, uuid, autostart, managedSave, tpm }: ExportPlan,
  places: LibvirtPlaces,
): readonly string[] {
  const path = asLibvirtSees(join(places.definitions, `${name}.xml`), places)
  return [
    `if libvirtd runs, it does not know '${name}': \`virsh define ${path}\`${autostart ? `, then \`virsh autostart ${name}\`` : ''}`,
    ...(tpm
      ? [
          `the TPM of '${name}' stays here: copy tpm/${uuid} of the state directory to ${asLibvirtSees(places.tpm, places)}/${uuid} before libvirt starts it, owned by the user of swtpm`,
        ]
      : []),
    ...(managedSave === 'copy'
      ? [
          `the managed save is on both sides, and only one of them may be resumed: \`stasis managedsave-remove ${name}\` if libvirt shall`,
        ]
      : []),
    `Stasis still defines '${name}': \`stasis undefine --keep-nvram ${name}\` when it is to be only with libvirt`,
  ]
}
