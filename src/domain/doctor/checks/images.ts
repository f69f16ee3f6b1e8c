import { countHistories } from '../../store/saves/image-history.ts'
import { type HealthCheck, right } from '../health-check.ts'

/** So many are slow to list. */
const MANY = 5000

/** How many images are recorded. */
export const IMAGES: HealthCheck = {
  name: 'images',
  async look({ directories }) {
    const count = await countHistories(directories)
    if (count < MANY) return [right(`${count} images are recorded`)]
    return [
      {
        verdict: 'warning',
        text: `${count} images are recorded, most of which may be gone`,
        remedy:
          '`stasis images --prune` forgets those that are gone; with --older-than and --keep it also deletes old ones',
      },
    ]
  },
}
