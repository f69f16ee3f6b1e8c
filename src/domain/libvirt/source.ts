/** A domain that libvirt defines. */
export interface LibvirtDomain {
  readonly name: string
  /** Its inactive domain XML, with passwords. */
  readonly xml: string
  /** The file that it came from, for messages. */
  readonly path: string | undefined
  readonly autostart: boolean
  /** Its managed save, if it has one; without `path` it cannot be read from here. */
  readonly managedSave: { readonly path: string | undefined } | undefined
}

/** Where definitions come from: libvirt's files, or virsh. */
export interface LibvirtSource {
  /** The names of all defined domains, sorted. @throws StorageError, QemuError */
  names(): Promise<readonly string[]>
  /** @throws DomainError DOMAIN_NOT_FOUND; StorageError, QemuError */
  read(name: string): Promise<LibvirtDomain>
  /** The evidence that libvirt runs the domain now; `undefined` when it does not. @throws StorageError, QemuError */
  runs(domain: Pick<LibvirtDomain, 'name' | 'xml'>): Promise<string | undefined>
}
