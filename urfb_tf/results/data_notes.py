"""What is known of the copies of datasets behind recorded results, by the checksum that the results carry."""

NOTES = {
    "8d4143a06a45aafb4a269a3bf9091c2f57eeb34a244289648c9df2ff42cd82a3": (
        "98 of the 60,000 images (77 in train, 21 in test; ships and horses) come from JPEG copies of the originals, "
        "all others agree with the published ones pixel by pixel."
    ),
}
