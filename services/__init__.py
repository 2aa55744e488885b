"""The cast: ears, mind and mouth, each from one ``vendor/model`` string."""
