import { type FilePath, givenPath } from '../../io/files/given-path.ts'
import { checkOptions } from '../store/check-options.ts'
import { rewriteDescription } from '../../image/rewrite-description.ts'
import { dropLiveParts } from '../../qemu/domain-xml/live/live-parts.ts'
import { formatDomainXml } from '../../qemu/domain-xml/format.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { type DirectoryOptions, openDirectories } from '../store/directories.ts'
import type { WarningOptions } from '../store/domain-options.ts'
import { recordEdit } from '../cookie/record-edit.ts'
import type { MachineDescription } from '../../image/saved-machine.ts'
import type { ResumedState } from '../machine/domain-state.ts'
import { replaceXml } from '../machine/replace-xml.ts'
import { type DomainXml, type XmlText, givenXml } from '../store/xml-text.ts'

/** The changes to an image. */
export interface DefineImageOptions extends DirectoryOptions, WarningOptions {
  /** Whether the guest runs or is paused when it is restored. Default: as the image says. */
  readonly resumeAs?: ResumedState | undefined
}

/**
 * Replaces the domain XML in an image in place. `makeXml` receives the present XML. Nothing is written if it returns
 * `undefined` and nothing else changes, or if the guest would see a difference. Returns whether the XML changed.
 * @throws ImageError IMAGE_INCOMPATIBLE, IMAGE_IN_USE and others; DomainXmlError, UsageError, StorageError
 * @example
 * const changed = await defineImage('/backup/web.save', async (xml) =>
 *   xml.replace('/old/disk', '/new/disk'),
 * )
 */
export async function defineImage(
  path: FilePath,
  makeXml: (xml: string) => Promise<DomainXml | undefined>,
  options: DefineImageOptions = {},
): Promise<boolean> {
  checkOptions(options)
  let changed = false
  const warning = await rewriteDescription(givenPath(path, 'the image'), async (description) => {
    const { xml, wasRunning } = description
    const made = await makeXml(xml)
    const given = made === undefined ? undefined : givenXml(made)
    if (given !== undefined) replaceXml(xml, given)
    changed = given !== undefined
    const text = given && withoutLiveParts(given)
    if (text !== undefined) await record(description, text, options)
    return {
      xml: text,
      wasRunning: options.resumeAs === undefined ? wasRunning : options.resumeAs === 'running',
    }
  })
  if (warning !== undefined) options.onWarning?.(warning)
  return changed
}

function withoutLiveParts({ text, path }: XmlText): string {
  const document = parseDomainXml(text, { path })
  dropLiveParts(document.root)
  return formatDomainXml(document)
}

/** Keeps an image of this host known to it. Where that fails the edit continues, and the restore asks whether the image is trusted. */
async function record(
  description: MachineDescription,
  xml: string,
  options: DefineImageOptions,
): Promise<void> {
  try {
    await recordEdit(await openDirectories(options), description, { ...description, xml })
  } catch {
    return
  }
}
