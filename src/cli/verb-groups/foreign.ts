import { type VerbGroup, entry } from '../verb-entry.ts'

/** The verbs of `stasis help foreign`. */
export const FOREIGN_VERBS: VerbGroup = {
  title: 'libvirt, and QEMUs that others started',
  keyword: 'foreign',
  verbs: [
    entry('import', 'take domains over from libvirt', () => import('../verbs/foreign/import.ts')),
    entry('export', 'give domains to libvirt', () => import('../verbs/foreign/export.ts')),
    entry(
      'attach',
      'take over a running QEMU that Stasis did not start',
      () => import('../verbs/foreign/attach.ts'),
    ),
    entry(
      'detach',
      'release a QEMU that was taken over',
      () => import('../verbs/foreign/detach.ts'),
    ),
  ],
}
