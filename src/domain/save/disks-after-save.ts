import type { MachineDescription } from '../../image/saved-machine.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { textOfRootChild } from '../../qemu/domain-xml/tags.ts'
import { readDomain } from '../../qemu/domain-xml/read-domain.ts'
import { descriptionDigest } from '../cookie/description-digest.ts'
import { cookieWithDisks } from '../cookie/disk-cookie.ts'
import { type DiskIdentity, identifyDisks, writableDisks } from '../store/disks/disk-identity.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { imageId, writeHistory } from '../store/saves/image-history.ts'

/**
 * The disks as they were when they were first asked for. Ask once all memory of a stopped guest was received: then nothing writes to them any more. Of a
 * guest that continues, ask before its stop: whatever it writes later shows.
 */
export class DisksAfterSave {
  readonly #description: MachineDescription
  #disks: Promise<readonly DiskIdentity[]> | undefined

  constructor(description: MachineDescription) {
    this.#description = description
  }

  /** Looks at the disks now. */
  async look(): Promise<void> {
    await this.#identify()
  }

  /** The cookie of the image with the identity of the disks. */
  async cookie(): Promise<string> {
    return cookieWithDisks(
      this.#description.cookie ?? '<cookie>\n</cookie>\n',
      await this.#identify(),
    )
  }

  /**
   * Also records them in the state directory, because an edit by libvirt drops unknown elements from the cookie, and that this host wrote the description.
   * @throws StorageError
   */
  async record(held: HeldDomain, path: string): Promise<void> {
    const disks = await this.#identify()
    const { name: domain } = held
    await writeHistory(held.directories, imageId(this.#description), {
      path,
      disks,
      descriptions: [descriptionDigest(this.#description)],
      domain,
      uuid: textOfRootChild(this.#description.xml, 'uuid')?.trim() ?? '',
      savedAt: new Date().toISOString(),
    })
  }

  #identify(): Promise<readonly DiskIdentity[]> {
    this.#disks ??= identifyDisks(
      writableDisks(readDomain(parseDomainXml(this.#description.xml), { tolerant: true }).domain),
    )
    return this.#disks
  }
}
