import { type VerbGroup, entry } from '../verb-entry.ts'

/** The verbs of `stasis help image`. */
export const IMAGE_VERBS: VerbGroup = {
  title: 'Save images',
  keyword: 'image',
  verbs: [
    entry(
      'images',
      'list the images that were written or restored here, and delete old ones',
      () => import('../verbs/image/images.ts'),
    ),
    entry(
      'image-info',
      'show the contents of a save image, and verify it',
      () => import('../verbs/image/image-info.ts'),
    ),
    entry(
      'image-check',
      'check whether a save image can be restored on this host',
      () => import('../verbs/image/image-check.ts'),
    ),
    entry(
      'image-verify',
      'read a whole save image and list all damage',
      () => import('../verbs/image/image-verify.ts'),
    ),
    entry(
      'image-salvage',
      'make a new image of a damaged one, without its damaged pages',
      () => import('../verbs/image/image-salvage.ts'),
    ),
    entry(
      'image-convert',
      'convert a save image to another format',
      () => import('../verbs/image/image-convert.ts'),
    ),
    entry(
      'image-cache',
      'keep the memory of save images uncompressed, so that a restore can map it',
      () => import('../verbs/image/image-cache.ts'),
    ),
    entry(
      'save-image-dumpxml',
      'show the domain XML in a save image',
      () => import('../verbs/image/save-image-dumpxml.ts'),
    ),
    entry(
      'save-image-define',
      'replace the domain XML in a save image',
      () => import('../verbs/image/save-image-define.ts'),
    ),
    entry(
      'save-image-edit',
      'edit the domain XML in a save image',
      () => import('../verbs/image/save-image-edit.ts'),
    ),
  ],
}
