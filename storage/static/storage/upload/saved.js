// Uploads that were begun and have not ended, kept by the browser: the same files go on with them.
export class SavedUploads {
  constructor(user) {
    this.key = `robotsim-upload-${user}`;
  }

  all() {
    try {
      return [JSON.parse(window.localStorage.getItem(this.key)) || []].flat();
    } catch {
      return [];
    }
  }

  find(listing) {
    return this.all().find((saved) => saved.listing === listing);
  }

  add(saved) {
    this.#keep([...this.all(), saved]);
  }

  remove(id) {
    this.#keep(this.all().filter((saved) => saved.id !== id));
  }

  #keep(rows) {
    if (rows.length) window.localStorage.setItem(this.key, JSON.stringify(rows));
    else window.localStorage.removeItem(this.key);
  }
}
