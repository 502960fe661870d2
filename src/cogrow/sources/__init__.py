"""Where facts come from: files in, checked canonical tables out."""
