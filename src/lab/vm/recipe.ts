// What an image is made from; one per system in recipe-*.ts. A change of any of it makes another image.

export interface ImageRecipe {
  /** Debian's names; what they depend on comes along. */
  readonly packages: readonly string[];
  /** `installed`: as on any Debian. `unpacked`: files only, and only of these and of libraries; nothing is configured. */
  readonly packaging: 'installed' | 'unpacked';
  /** On top of the packages: path → text. */
  readonly files: Readonly<Record<string, RecipeFile>>;
  /** A sh program that finishes the tree; its argument is the tree's root. */
  readonly finish: string;
}

export interface RecipeFile {
  readonly text: string;
  /** 0644 when nothing is said. */
  readonly mode?: number;
}
